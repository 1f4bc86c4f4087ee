/** Owns judging single events by the rules of a user who has others than everybody. */
import { sliceMembers } from '#matrix/json-slices.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { evaluatePushRules, type PushedEvent } from '#matrix/push-rules/evaluate.ts';
import type { PushRuleset } from '#matrix/push-rules/push-rule.ts';
import { findPushContext } from '#rooms/find-push-context.ts';
import { contentOf } from '#rooms/find-room-state.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import type { EventFact } from '#streams/event-fact.ts';
import type { UnreadEvent } from '#sync/unread/unread-count.ts';

/** A user's own rules, and whose events are as if they were not. */
export type OwnRules = { readonly rules: PushRuleset; readonly ignored: ReadonlySet<string> };
export type Judgement = Pick<UnreadEvent, 'notifies' | 'highlights'>;

const silence: Judgement = { notifies: false, highlights: false };

export async function judgeFact(
  parts: RoomReadParts,
  user: RoomUser,
  own: OwnRules,
  room: KnownRoom,
  fact: EventFact,
): Promise<Judgement> {
  const content: JsonObject = JSON.parse(sliceMembers(`${fact.stem}}`).get('content') ?? '{}');
  const { type, sender, stateKey, roomId } = fact;
  return judge(parts, user, own, room, { event: { type, sender, stateKey, roomId, content }, root: fact.stateBefore });
}

/** The event as it counts; one that was redacted counts for nothing. */
export async function judgeStored(
  parts: RoomReadParts,
  user: RoomUser,
  own: OwnRules,
  room: KnownRoom,
  { stored, thread }: { readonly stored: StoredEvent; readonly thread: string | undefined },
): Promise<UnreadEvent> {
  const { type, sender, stateKey, roomOrder } = stored;
  const content = contentOf(stored, room.version);
  const event = { type, sender, stateKey, roomId: room.roomId, content };
  const verdict =
    stored.redaction === undefined
      ? await judge(parts, user, own, room, { event, root: stored.stateBefore ?? 0 })
      : silence;
  return { ...verdict, roomOrder, thread };
}

async function judge(
  parts: RoomReadParts,
  user: RoomUser,
  { rules, ignored }: OwnRules,
  room: KnownRoom,
  { event, root }: { readonly event: PushedEvent; readonly root: number },
): Promise<Judgement> {
  if (root === 0 || ignored.has(event.sender)) return silence;
  const contextFor = await findPushContext(parts, user, room, root);
  const { notify, highlight } = evaluatePushRules(rules, event, contextFor(event.sender));
  return { notifies: notify, highlights: notify && highlight };
}

/** Whether a message like any other notifies the user in the room: not if they have muted it. */
export async function notifiesOfMessages(
  parts: RoomReadParts,
  user: RoomUser,
  own: OwnRules,
  room: KnownRoom,
  root: number,
): Promise<boolean> {
  const event = { type: 'm.room.message', sender: '', roomId: room.roomId, content: { msgtype: 'm.text', body: '' } };
  return (await judge(parts, user, own, room, { event, root })).notifies;
}
