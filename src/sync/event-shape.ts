/** Owns the forms of events that a filter can ask for: some fields of them alone, or as servers exchange them. */
import { contentJsonOf } from '#matrix/client-event.ts';
import { sliceMembers } from '#matrix/json-slices.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { parsePropertyPath, valueAtPath } from '#matrix/push-rules/property-path.ts';
import type { EventShape } from '#sync/sync-filter.ts';

/** What is asked for of an event, given its text in the form for clients and as it is stored, redacted if it is. */
export function shapedJson(shape: EventShape | undefined, clientJson: string, federationJson: () => string): string {
  if (shape === undefined) return clientJson;
  const json = shape.isFederation ? federationJson() : clientJson;
  return shape.fields === undefined ? json : JSON.stringify(pick(JSON.parse(json), shape.fields));
}

/** The fields at these paths; those that the event lacks are left out. */
function pick(event: JsonObject, paths: readonly string[]): JsonObject {
  const picked: JsonObject = {};
  for (const path of paths) {
    const value = valueAtPath(event, path);
    if (value !== undefined) put(picked, parsePropertyPath(path), value);
  }
  return picked;
}

function put(target: JsonObject, names: readonly string[], value: JsonValue): void {
  const [name = '', ...rest] = names;
  if (rest.length === 0) {
    define(target, name, value);
    return;
  }
  const existing = Object.hasOwn(target, name) ? target[name] : undefined;
  const inner: JsonObject =
    typeof existing === 'object' && existing !== null && !Array.isArray(existing) ? existing : {};
  // A copy, as what was picked before may be part of the event.
  const copy = { ...inner };
  put(copy, rest, value);
  define(target, name, copy);
}

/** An own property even if it is called `__proto__`. */
function define(target: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Whether the content of an event has a `url`. */
export function hasUrl(eventJson: string): boolean {
  return sliceMembers(contentJsonOf(eventJson)).has('url');
}
