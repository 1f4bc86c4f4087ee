/** Owns what a profile may hold: names of fields, kinds of values, sizes. */
import { MatrixError } from '#matrix/error.ts';

const KEY_BYTES_MAX = 255;
const PROFILE_BYTES_MAX = 65_535;
/** Every member event of the user repeats these two, so they are short. */
const DISPLAYNAME_LENGTH_MAX = 256;
const AVATAR_URL_LENGTH_MAX = 1_000;

/** Fields that member events carry into rooms. */
export type RoomField = 'displayname' | 'avatar_url';

export function isRoomField(key: string): key is RoomField {
  return key === 'displayname' || key === 'avatar_url';
}

// Appendices, "Common Namespaced Identifier Grammar", and the two names that are older than it.
const keyGrammar = /^(?:avatar_url|displayname|[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+)$/;

/** Throws M_KEY_TOO_LARGE or M_INVALID_PARAM for what cannot be the name of a field. */
export function requireProfileKey(key: string): void {
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
    throw new MatrixError('M_KEY_TOO_LARGE', `The name of a profile field has at most ${KEY_BYTES_MAX} bytes.`);
  }
  if (!keyGrammar.test(key)) {
    throw new MatrixError(
      'M_INVALID_PARAM',
      'A profile field is called displayname, avatar_url, m.tz or something like org.example.field.',
    );
  }
}

/** The value of a field that is a text. Throws M_BAD_JSON or M_INVALID_PARAM. */
export function requireTextField(key: string, value: unknown): string {
  if (typeof value !== 'string') throw new MatrixError('M_BAD_JSON', `"${key}" must be a string.`);
  const lengthMax = key === 'displayname' ? DISPLAYNAME_LENGTH_MAX : AVATAR_URL_LENGTH_MAX;
  // Neither has a form in UTF-8 or in the database, and both end up in events.
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new MatrixError('M_INVALID_PARAM', `"${key}" contains characters that no text can hold.`);
  }
  if (value.length > lengthMax) {
    throw new MatrixError('M_INVALID_PARAM', `"${key}" has at most ${lengthMax} characters.`);
  }
  return value;
}

/** Throws M_PROFILE_TOO_LARGE. */
export function requireProfileSize(profile: Readonly<Record<string, unknown>>): void {
  if (Buffer.byteLength(JSON.stringify(profile)) > PROFILE_BYTES_MAX) {
    throw new MatrixError('M_PROFILE_TOO_LARGE', `A profile has at most ${PROFILE_BYTES_MAX} bytes.`);
  }
}
