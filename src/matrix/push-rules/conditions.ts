/** Owns the conditions of push rules. */
import { compileGlob } from '#matrix/glob.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { valueAtPath } from '#matrix/push-rules/property-path.ts';
import type { PushCondition } from '#matrix/push-rules/push-rule.ts';

/** What a decision for one user reads besides the event. */
export type PushContext = {
  readonly userId: string;
  /** The user's name in the room. */
  readonly displayName: string | undefined;
  readonly joinedMemberCount: number;
  /** `Infinity` for creators of rooms of version 12. */
  readonly senderPowerLevel: number;
  /** `notifications` of the room's power levels. */
  readonly notificationLevels: Readonly<Record<string, unknown>> | undefined;
};

const notificationLevelDefault = 50;
const countForm = /^(==|<|>|>=|<=)?(\d+)$/;

/** Specification: Client-Server API, "Conditions". A condition of an unknown kind, or one that lacks something, is false. */
export function meetsCondition(condition: PushCondition, event: JsonObject, context: PushContext): boolean {
  switch (condition['kind']) {
    case 'event_match':
      return matchesEvent(condition, event);
    case 'event_property_is':
      return isProperty(condition, event);
    case 'event_property_contains':
      return containsProperty(condition, event);
    case 'contains_display_name':
      return containsName(event, context.displayName);
    case 'room_member_count':
      return typeof condition['is'] === 'string' && isCount(context.joinedMemberCount, condition['is']);
    case 'sender_notification_permission':
      return typeof condition['key'] === 'string' && mayNotify(condition['key'], context);
    default:
      return false;
  }
}

/** The body matches if any part of it does that starts and ends at a word boundary. */
export function matchesBody(event: JsonObject, pattern: string): boolean {
  const body = valueAtPath(event, 'content.body');
  return typeof body === 'string' && compileGlob(pattern, { ignoreCase: true, extent: 'words' })(body);
}

function matchesEvent({ key, pattern }: PushCondition, event: JsonObject): boolean {
  if (typeof key !== 'string' || typeof pattern !== 'string') return false;
  if (key === 'content.body') return matchesBody(event, pattern);
  const value = valueAtPath(event, key);
  return typeof value === 'string' && compileGlob(pattern, { ignoreCase: true })(value);
}

function isProperty({ key, value }: PushCondition, event: JsonObject): boolean {
  return typeof key === 'string' && isSimple(value) && valueAtPath(event, key) === value;
}

function containsProperty({ key, value }: PushCondition, event: JsonObject): boolean {
  if (typeof key !== 'string' || !isSimple(value)) return false;
  const list = valueAtPath(event, key);
  return Array.isArray(list) && list.includes(value);
}

/** The values of canonical JSON that have no parts. */
function isSimple(value: unknown): value is Exclude<JsonValue, object> | null {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value);
}

function containsName(event: JsonObject, name: string | undefined): boolean {
  if (name === undefined || name === '') return false;
  const body = valueAtPath(event, 'content.body');
  return typeof body === 'string' && compileGlob(name, { ignoreCase: true, extent: 'words', isLiteral: true })(body);
}

function isCount(count: number, is: string): boolean {
  const match = countForm.exec(is);
  if (match === null) return false;
  const [, comparison = '==', digits] = match;
  return comparisons.get(comparison)?.(count, Number(digits)) ?? false;
}
const comparisons: ReadonlyMap<string, (count: number, wanted: number) => boolean> = new Map([
  ['==', (count, wanted) => count === wanted],
  ['<', (count, wanted) => count < wanted],
  ['>', (count, wanted) => count > wanted],
  ['<=', (count, wanted) => count <= wanted],
  ['>=', (count, wanted) => count >= wanted],
]);

function mayNotify(key: string, { notificationLevels: levels, senderPowerLevel }: PushContext): boolean {
  const level = levels !== undefined && Object.hasOwn(levels, key) ? levels[key] : undefined;
  return senderPowerLevel >= (Number.isSafeInteger(level) ? Number(level) : notificationLevelDefault);
}
