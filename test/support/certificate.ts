/** Owns making X.509 certificates: an authority for a test, and what it signs. Encoded by hand, as Node only reads them. */
import { isIP, isIPv4 } from 'node:net';
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';

/** Certificate and private key in PEM. */
export type Certificate = { readonly certificate: string; readonly key: string };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** An authority that signs itself, with a P-256 key. */
export function makeAuthority(commonName: string): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = nameOf(commonName);
  return encode({
    issuer: subject,
    signer: privateKey,
    subject,
    publicKey,
    privateKey,
    extensions: [authorityConstraint],
  });
}

/** A certificate for one DNS name or IP address with a new P-256 key, signed by an authority with an RSA or a P-256 key; good for a year from now, or until then. */
export function issueCertificate(
  name: string,
  authority: Certificate,
  validUntilMs = Date.now() + 365 * DAY_MS,
): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return encode({
    issuer: subjectOf(new X509Certificate(authority.certificate)),
    signer: createPrivateKey(authority.key),
    subject: nameOf(name),
    validUntilMs,
    publicKey,
    privateKey,
    extensions: [extension('551d11', sequence(subjectNameOf(name)))],
  });
}

/** RFC 5280, section 4.2.1.6. */
function subjectNameOf(name: string): Buffer {
  if (isIP(name) === 0) return der(0x82, Buffer.from(name, 'latin1'));
  if (isIPv4(name)) return der(0x87, Buffer.from(name.split('.').map(Number)));
  throw new Error('Certificates for IPv6 addresses are not made here.');
}

type Parts = {
  readonly validUntilMs?: number;
  readonly issuer: Buffer;
  readonly signer: KeyObject;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly extensions: readonly Buffer[];
};

/** RFC 5280, section 4.1. */
function encode(parts: Parts): Certificate {
  const { issuer, signer, subject, publicKey, privateKey, extensions } = parts;
  const algorithm =
    signer.asymmetricKeyType === 'rsa'
      ? sequence(objectId('2a864886f70d01010b'), Buffer.from('0500', 'hex'))
      : sequence(objectId('2a8648ce3d040302'));
  const from = Date.now() - HOUR_MS;
  const until = parts.validUntilMs ?? from + 365 * DAY_MS;
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    // A leading one keeps the number positive and of full length.
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    issuer,
    sequence(time(Math.min(from, until - HOUR_MS)), time(until)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]));
  const base64 = sequence(body, algorithm, signature).toString('base64');
  const lines = base64.replaceAll(/(.{64})(?!$)/g, '$1\n');
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const authorityConstraint = extension('551d13', sequence(Buffer.from('0101ff', 'hex')));

function extension(idHex: string, value: Buffer): Buffer {
  return sequence(objectId(idHex), der(0x04, value));
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(commonName)))));
}

function time(ms: number): Buffer {
  return der(0x18, Buffer.from(new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')));
}

/** The subject as the certificate spells it: issuers are compared byte by byte. */
function subjectOf({ raw }: X509Certificate): Buffer {
  const [body = raw] = childrenOf(raw);
  // Version, serial number, algorithm, issuer and validity come before it.
  const subject = childrenOf(body)[5];
  if (subject === undefined) throw new Error('The certificate of the authority has no subject.');
  return subject;
}

/** The elements inside an element, each with its own head. */
function childrenOf(element: Buffer): Buffer[] {
  const children: Buffer[] = [];
  for (let at = headOf(element, 0).start; at < element.length;) {
    const { end } = headOf(element, at);
    children.push(element.subarray(at, end));
    at = end;
  }
  return children;
}

function headOf(bytes: Buffer, at: number): { start: number; end: number } {
  const short = bytes.readUInt8(at + 1);
  if (short < 0x80) return { start: at + 2, end: at + 2 + short };
  const width = short & 0x7f;
  return { start: at + 2 + width, end: at + 2 + width + bytes.readUIntBE(at + 2, width) };
}

function sequence(...items: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(items));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
