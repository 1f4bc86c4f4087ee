/** Owns safe reading of event content, which may hold any JSON under any key, `__proto__` included. */
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';

/** The value under an own key; undefined means that the key is absent, since JSON has no undefined. */
export function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
