/** Owns answers of /sync in a few words, for the tests of what is folded out of them. */
import type { JsonObject } from '#test/support/matrix-shapes.ts';

export const room = '!room:a.test';
export const me = '@me:a.test';
export const bob = '@bob:b.test';

let count = 0;

export function message(id: string, more: JsonObject = {}): JsonObject {
  count += 1;
  const content = { msgtype: 'm.text', body: id };
  return { event_id: `$${id}`, type: 'm.room.message', sender: bob, origin_server_ts: count, content, ...more };
}

export const state = (id: string, type: string, content: JsonObject, stateKey = ''): JsonObject =>
  message(id, { type, state_key: stateKey, content });
export const member = (id: string, userId: string, membership: string): JsonObject =>
  state(id, 'm.room.member', { membership }, userId);
export const topic = (id: string): JsonObject => state(id, 'm.room.topic', { topic: id });
export const stripped = (type: string, content: JsonObject, stateKey = ''): JsonObject => ({
  type,
  state_key: stateKey,
  sender: bob,
  content,
});

/** A room's section; what is not given is not there. */
export const section = (events: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  timeline: { events, limited: false },
  ...more,
});
export const gap = (events: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  timeline: { events, limited: true, prev_batch: 'p' },
  ...more,
});
export const list = (...events: readonly JsonObject[]): JsonObject => ({ events });

/** An answer that tells one room in one section. */
export const answer = (name: string, part: JsonObject, more: JsonObject = {}): JsonObject => ({
  next_batch: 's',
  rooms: { [name]: { [room]: part } },
  ...more,
});
