/** Owns canonical JSON: the one text of a value that is hashed and signed. */
import type { ExactJsonObject, ExactJsonValue, JsonValue } from '#matrix/pdu.ts';

// Everything that needs no escape and no look at surrogates: printable ASCII without `"` and `\`.
const notPlain = /[^ !#-[\]-~]/;
const surrogate = /[\uD800-\uDFFF]/;
// Below this many keys an insertion sort beats `Array.prototype.sort`.
const FEW_KEYS = 12;

/**
 * The canonical JSON of a value: UTF-16 text whose UTF-8 form is to be hashed.
 * Throws a TypeError for what has no canonical form (floats, integers outside ±(2^53 − 1), lone surrogates, undefined):
 * values from outside pass `parseJsonBytes` first, so here that is a mistake of ours.
 * Specification: Appendices, "Canonical JSON".
 */
export function canonicalJson(value: JsonValue): string {
  return writeValue(value, false);
}

/**
 * Canonical JSON for events of room versions 1 to 5, which may hold floats and integers of any size: integers
 * that a double cannot hold come as bigints, other numbers are written in their shortest form.
 * Specification: Appendices, the warning in "Canonical JSON".
 */
export function canonicalJsonOfOldVersions(value: ExactJsonValue): string {
  return writeValue(value, true);
}

/** The canonical JSON of one string. */
export function canonicalString(text: string): string {
  if (!notPlain.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new TypeError('A lone surrogate has no canonical JSON form.');
  return JSON.stringify(text);
}

function writeValue(value: ExactJsonValue, anyNumber: boolean): string {
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) && !(anyNumber && Number.isFinite(value))) {
      throw new TypeError(`${value} has no canonical JSON form.`);
    }
    return value === 0 ? '0' : String(value);
  }
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (value === null) return 'null';
  if (Array.isArray(value)) return writeArray(value, anyNumber);
  if (typeof value === 'object') return writeObject(value, anyNumber);
  if (typeof value === 'bigint' && anyNumber) return String(value);
  throw new TypeError(`A ${typeof value} has no canonical JSON form.`);
}

function writeArray(values: readonly ExactJsonValue[], anyNumber: boolean): string {
  let out = '[';
  for (const value of values) out += (out.length === 1 ? '' : ',') + writeValue(value, anyNumber);
  return `${out}]`;
}

function writeObject(object: ExactJsonObject, anyNumber: boolean): string {
  let out = '{';
  for (const key of sortedKeys(object)) {
    const value = object[key];
    if (value === undefined) throw new TypeError(`${key} is undefined, which has no JSON form.`);
    out += `${out.length === 1 ? '' : ','}${canonicalString(key)}:${writeValue(value, anyNumber)}`;
  }
  return `${out}}`;
}

/** The object's keys in the order of their Unicode code points, which is not that of UTF-16 above U+FFFF. */
export function sortedKeys(object: ExactJsonObject): string[] {
  const keys = Object.keys(object);
  if (keys.some((key) => surrogate.test(key))) return keys.sort(compareCodePoints);
  if (keys.length > FEW_KEYS) return keys.sort(compareUnits);
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index]!;
    let at = index;
    while (at > 0 && keys[at - 1]! > key) {
      keys[at] = keys[at - 1]!;
      at -= 1;
    }
    keys[at] = key;
  }
  return keys;
}

function compareUnits(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * The order of the texts' code points, for sorting. A surrogate stands for a code point above every other UTF-16 unit,
 * U+E000 to U+FFFF included.
 */
export function compareCodePoints(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a === b) continue;
    const aIsSurrogate = a >= 0xd800 && a <= 0xdfff;
    const bIsSurrogate = b >= 0xd800 && b <= 0xdfff;
    if (aIsSurrogate !== bIsSurrogate) return aIsSurrogate ? 1 : -1;
    return a - b;
  }
  return left.length - right.length;
}
