/** Owns safe reading of event content, which may hold any JSON under any key, `__proto__` included. */
import type { JsonObject, JsonValue } from '#matrix/auth-rules/auth-event.ts';

/** The value under an own key; undefined means that the key is absent, since JSON has no undefined. */
export function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
