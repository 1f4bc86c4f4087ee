/** Owns randomness: everything secret or unique comes from the system's CSPRNG through here. */
import { randomBytes, randomInt } from 'node:crypto';

const SHARES = 2 ** 40;

/** `bytes` random bytes as unpadded URL-safe base64. 24 bytes are 192 bits, enough for any secret. */
export function randomToken(bytes = 24): string {
  return randomBytes(bytes).toString('base64url');
}

/** A random string of `length` characters out of `alphabet` (at most 256 characters), without modulo bias. */
export function randomString(length: number, alphabet: string): string {
  const limit = 256 - (256 % alphabet.length);
  let out = '';
  while (out.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < limit && out.length < length) out += alphabet[byte % alphabet.length];
    }
  }
  return out;
}

/** A number from 0 up to, but never, 1. */
export function randomShare(): number {
  return randomInt(SHARES) / SHARES;
}
