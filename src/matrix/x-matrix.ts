/** Owns the header by which a server says who it is, and the text that it signs for a request. */
import { canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import type { ExactJsonValue } from '#matrix/pdu.ts';

/** What is signed of a request. `target` is the raw request target: path and query as they are sent. */
export type SignedRequest = {
  readonly method: string;
  readonly target: string;
  readonly origin: string;
  readonly destination: string;
  /** The body as parsed JSON; undefined where there is none. */
  readonly content: ExactJsonValue | undefined;
};

export type XMatrixHeader = {
  readonly origin: string;
  /** Older servers leave it out. */
  readonly destination: string | undefined;
  readonly keyId: string;
  readonly signature: string;
};

const HEADER_LENGTH_MAX = 2_000;
const scheme = /^x-matrix +/iy;
// RFC 9110, section 5.6.2, with the colon that older servers write without quotes.
const parameter =
  /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:/=-]*))[ \t]*(,|$)/y;

/**
 * The text that the signature of a request covers.
 * Specification: Server-Server API, "Request Authentication".
 */
export function signedRequestText({ method, target, origin, destination, content }: SignedRequest): string {
  const covered = { method, uri: target, origin, destination };
  return canonicalJsonOfOldVersions(content === undefined ? covered : { ...covered, content });
}

/** The value of the `Authorization` header. The values need no escapes: none of them can hold a quote. */
export function writeXMatrix(header: XMatrixHeader & { readonly destination: string }): string {
  const { origin, destination, keyId, signature } = header;
  return `X-Matrix origin="${origin}",destination="${destination}",key="${keyId}",sig="${signature}"`;
}

/**
 * Reads an `Authorization` header; undefined unless it is one of this scheme, well formed, with every parameter that is
 * needed and none of them twice. Names may be in any case, values quoted or not; unknown parameters are ignored.
 */
export function readXMatrix(text: string): XMatrixHeader | undefined {
  if (text.length > HEADER_LENGTH_MAX) return undefined;
  scheme.lastIndex = 0;
  if (!scheme.test(text)) return undefined;
  const values = new Map<string, string>();
  for (let at = scheme.lastIndex; at < text.length;) {
    parameter.lastIndex = at;
    const [all, name = '', quoted, token = '', end] = parameter.exec(text) ?? [];
    const key = name.toLowerCase();
    if (all === undefined || values.has(key)) return undefined;
    values.set(key, quoted === undefined ? token : quoted.replaceAll(/\\(.)/g, '$1'));
    at += all.length;
    // A comma has to be followed by another parameter.
    if (end === ',' && at === text.length) return undefined;
  }
  const [origin, keyId, signature] = ['origin', 'key', 'sig'].map((name) => values.get(name));
  if (origin === undefined || keyId === undefined || signature === undefined) return undefined;
  return { origin, destination: values.get('destination'), keyId, signature };
}
