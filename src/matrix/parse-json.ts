/** Owns the door through which JSON from outside comes in: what is acceptable is decided on the bytes. */
import { isAscii, isUtf8 } from 'node:buffer';
import type { ExactJsonValue, JsonValue } from '#matrix/pdu.ts';

export type JsonLimits = {
  /** The most bytes to look at; larger input is refused unread. */
  readonly bytesMax: number;
  /**
   * `canonical` takes only the numbers that canonical JSON has: no fraction, no exponent, no `-0`, nothing outside
   * ±(2^53 − 1). `any` takes every number that a double can approximate.
   */
  readonly numbers: 'canonical' | 'any';
  /** How deep objects and arrays may nest. */
  readonly depthMax?: number;
  /** The most object members, objects and arrays together: they are what makes parsing slow. */
  readonly nodesMax?: number;
};

export type JsonRefusal = {
  readonly ok: false;
  readonly reason: 'not-json' | 'bad-json' | 'too-large';
  readonly message: string;
};
export type JsonVerdict =
  | {
      readonly ok: true;
      readonly value: JsonValue;
      /** Whether every number is one that canonical JSON has; with `any` it may be false. */
      readonly canonicalNumbers: boolean;
    }
  | JsonRefusal;

const DEPTH_MAX = 100;
const NODES_MAX = 50_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What the bytes show before anything is parsed. */
type Scan = { keys: number; canonicalNumbers: boolean; complaint?: string };

const messages = {
  depth: 'The JSON is nested too deeply.',
  nodes: 'The JSON has too many keys, objects and arrays.',
  surrogate: 'The JSON has half of a surrogate pair in a string.',
  number: 'The JSON has a number that is not an integer between -(2^53 - 1) and 2^53 - 1 in its plain form.',
  infinite: 'The JSON has a number that is too large.',
  duplicate: 'The JSON has an object with the same key twice.',
} as const;

/**
 * Parses JSON from outside. Text that is no JSON in UTF-8 is `not-json` (M_NOT_JSON); JSON that is nested too deeply,
 * has a key twice, half a surrogate pair or a number that the limits forbid is `bad-json` (M_BAD_JSON).
 * A key `__proto__` becomes an own property like any other.
 * Specification: Appendices, "Canonical JSON"; Client-Server API, "Standard error response".
 */
export function parseJsonBytes(bytes: Uint8Array, limits: JsonLimits): JsonVerdict {
  if (bytes.length > limits.bytesMax) {
    return { ok: false, reason: 'too-large', message: `The JSON is larger than ${limits.bytesMax} bytes.` };
  }
  const ascii = isAscii(bytes);
  if (!ascii && !isUtf8(bytes)) return { ok: false, reason: 'not-json', message: 'The text is not valid UTF-8.' };
  const found = scan(bytes, limits);
  if (found.complaint !== undefined) return { ok: false, reason: 'bad-json', message: found.complaint };
  let value: JsonValue;
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    value = JSON.parse(buffer.toString(ascii ? 'latin1' : 'utf8'));
  } catch {
    return { ok: false, reason: 'not-json', message: 'The text is not valid JSON.' };
  }
  // A key that comes twice leaves one member behind, so counting finds it without a set of keys for each object.
  if (countKeys(value) !== found.keys) return { ok: false, reason: 'bad-json', message: messages.duplicate };
  return { ok: true, value, canonicalNumbers: found.canonicalNumbers };
}

/**
 * Looks at every byte once, without recursion. It trusts `JSON.parse` for the grammar, and only has to be right about
 * text that `JSON.parse` will accept.
 */
function scan(bytes: Uint8Array, limits: JsonLimits): Scan {
  const { depthMax = DEPTH_MAX, nodesMax = NODES_MAX, numbers } = limits;
  const length = bytes.length;
  const found: Scan = { keys: 0, canonicalNumbers: true };
  let depth = 0;
  let containers = 0;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = endOfString(bytes, at + 1);
      if (at < 0) return { ...found, complaint: messages.surrogate };
    } else if (byte === 0x3a) {
      found.keys += 1;
      if (found.keys + containers > nodesMax) return { ...found, complaint: messages.nodes };
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      containers += 1;
      if (depth > depthMax) return { ...found, complaint: messages.depth };
      if (found.keys + containers > nodesMax) return { ...found, complaint: messages.nodes };
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      const end = endOfNumber(bytes, at);
      if (!isCanonicalInteger(bytes, at, end)) {
        found.canonicalNumbers = false;
        if (numbers === 'canonical') return { ...found, complaint: messages.number };
        if (isInfinite(bytes, at, end)) return { ...found, complaint: messages.infinite };
      }
      at = end - 1;
    }
  }
  return found;
}

/** Where the string's closing quote is (or the end of the bytes), -1 if an escape is half of a surrogate pair. */
function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  for (; at < bytes.length && bytes[at] !== QUOTE; at++) {
    if (bytes[at] !== BACKSLASH) continue;
    at += 1;
    if (bytes[at] !== 0x75) continue;
    const half = surrogateHalf(bytes, at);
    if (half === 'none') continue;
    if (half === 'low' || bytes[at + 5] !== BACKSLASH || surrogateHalf(bytes, at + 6) !== 'low') return -1;
    at += 10;
  }
  return at;
}

/** Which half of a surrogate pair the escape is whose `u` stands at `at`: D8 to DB begin a pair, DC to DF end one. */
function surrogateHalf(bytes: Uint8Array, at: number): 'high' | 'low' | 'none' {
  // Setting the bit 0x20 makes a letter small and leaves a digit as it is.
  if (bytes[at] !== 0x75 || (bytes[at + 1]! | 0x20) !== 0x64) return 'none';
  const second = bytes[at + 2]! | 0x20;
  if (second === 0x38 || second === 0x39 || second === 0x61 || second === 0x62) return 'high';
  return second >= 0x63 && second <= 0x66 ? 'low' : 'none';
}

function endOfNumber(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  for (; at < bytes.length; at++) {
    const byte = bytes[at]!;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (!isDigit && byte !== 0x2e && (byte | 0x20) !== 0x65 && byte !== 0x2b && byte !== 0x2d) break;
  }
  return at;
}

function isCanonicalInteger(bytes: Uint8Array, from: number, end: number): boolean {
  const isNegative = bytes[from] === 0x2d;
  const start = isNegative ? from + 1 : from;
  // Up to sixteen digits fit a double well enough to compare them with 2^53 - 1.
  if (end - start > 16) return false;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  // A minus without digits (`-Infinity`) is left to JSON.parse, which says that it is no JSON.
  return value <= Number.MAX_SAFE_INTEGER && !(isNegative && value === 0 && end > start);
}

/** Whether a double has only Infinity for the number, which would be written as `null` later. */
function isInfinite(bytes: Uint8Array, from: number, end: number): boolean {
  // The shortest such number is 2e308.
  if (end - from < 5) return false;
  return (
    Math.abs(Number(Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString('latin1'))) === Infinity
  );
}

/** The number of members of all objects in a value. The scan has bounded the recursion. */
function countKeys(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const key in value) {
    count += 1;
    const member = value[key];
    if (typeof member === 'object') count += countKeys(member);
  }
  return count;
}

/**
 * Parses text that `parseJsonBytes` has accepted once more, keeping integers beyond ±(2^53 − 1) as bigints, so that
 * the hashes of room versions 1 to 5 come out right.
 */
export function parseJsonExactly(text: string): ExactJsonValue {
  // A callback for every value costs more than all the rest, and shorter integers need none.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  // The third argument has the source text of a primitive; TypeScript's own types do not know it yet.
  const keepInteger = (_key: string, value: ExactJsonValue, ...rest: readonly { source?: string }[]) => {
    const source = rest[0]?.source;
    if (typeof value !== 'number' || source === undefined) return value;
    return Number.isSafeInteger(value) || !/^-?\d+$/.test(source) ? value : BigInt(source);
  };
  return JSON.parse(text, keepInteger);
}
