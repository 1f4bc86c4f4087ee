/** Owns unpadded base64, in which keys, hashes and signatures are written. */

const base64Shape = /^[A-Za-z0-9+/]*$/;

/** Specification: Appendices, "Unpadded Base64". */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64').replace(/=+$/, '');
}

/** Decodes standard base64, with or without padding; undefined for anything else. */
export function decodeBase64(text: string): Buffer | undefined {
  const stripped = text.replace(/={1,2}$/, '');
  if (!base64Shape.test(stripped) || stripped.length % 4 === 1) return undefined;
  return Buffer.from(stripped, 'base64');
}
