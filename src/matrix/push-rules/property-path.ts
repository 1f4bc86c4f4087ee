/** Owns the paths by which push rules name a property of an event. */
import type { JsonValue } from '#matrix/pdu.ts';

/**
 * The names in a path, such as `content.m\.relates_to`: `\.` is a dot and `\\` a backslash of the name, any other backslash
 * is what it is. Specification: Appendices, "Dot-separated property paths".
 */
export function parsePropertyPath(path: string): string[] {
  const names: string[] = [];
  let name = '';
  for (let at = 0; at < path.length; at++) {
    const character = path.charAt(at);
    const next = path.charAt(at + 1);
    if (character === '\\' && (next === '.' || next === '\\')) {
      name += next;
      at++;
    } else if (character === '.') {
      names.push(name);
      name = '';
    } else {
      name += character;
    }
  }
  names.push(name);
  return names;
}

/** The value at a path; undefined if there is none. Arrays have no names. */
export function valueAtPath(root: JsonValue, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const name of parsePropertyPath(path)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}
