/** Owns folding answers of /sync into what a client knows. Specification: Client-Server API, "Syncing". */
import {
  asArray,
  asObject,
  isObject,
  readEvents,
  text,
  type ClientEvent,
  type JsonObject,
  type StrippedEvent,
} from '#test/support/matrix-shapes.ts';
import { count, emptyRoom, stateKeyOf, type ClientView, type RoomView } from '#test/sync-oracle/client-view.ts';
import { foldEphemeral, readUnread } from '#test/sync-oracle/fold-room-extras.ts';

/** By room id what stands between the last event known and the start of a limited timeline, oldest first. */
export type Gaps = ReadonlyMap<string, readonly ClientEvent[]>;
const noGaps: Gaps = new Map();

/** Takes one more answer in. Answers must come in the order in which their tokens were made. */
export function foldSync(view: ClientView, answer: unknown, gaps = noGaps): void {
  const body = asObject(answer, 'the answer of /sync');
  view.nextBatch = text(body, 'next_batch');
  const rooms = asObject(body['rooms'] ?? {}, 'rooms');
  const sections = ['join', 'leave', 'invite', 'knock'].map((name) => asObject(rooms[name] ?? {}, `rooms.${name}`));
  const [join = {}, leave = {}, invite = {}, knock = {}] = sections;
  const named = sections.flatMap((section) => Object.keys(section));
  for (const roomId of new Set(named.filter((id, at) => named.indexOf(id) !== at))) {
    view.problems.push(`${roomId} stands in two sections of one answer`);
  }
  for (const [roomId, room] of Object.entries(join)) {
    foldRoom(view, roomId, 'join', asObject(room, roomId), gaps.get(roomId));
  }
  for (const [roomId, room] of Object.entries(leave)) {
    foldRoom(view, roomId, 'leave', asObject(room, roomId));
    count(view.happened, 'told of a departure');
  }
  for (const [roomId, room] of Object.entries(invite)) {
    leaveSections(view, roomId);
    count(view.happened, 'told of an invitation');
    view.invites.set(roomId, readStripped(room, 'invite_state'));
  }
  for (const [roomId, room] of Object.entries(knock)) {
    leaveSections(view, roomId);
    count(view.happened, 'told of a knock');
    view.knocks.set(roomId, readStripped(room, 'knock_state'));
  }
  for (const [type, content] of readTyped(body['account_data'])) view.accountData.set(type, content);
}

/** A room is in one section: the latest that it was told in. */
function leaveSections(view: ClientView, roomId: string): void {
  view.invites.delete(roomId);
  view.knocks.delete(roomId);
  const room = view.rooms.get(roomId);
  if (room === undefined) return;
  room.hasMissed ||= room.membership === 'join';
  room.membership = 'leave';
}

function foldRoom(
  view: ClientView,
  roomId: string,
  membership: 'join' | 'leave',
  section: JsonObject,
  gap?: readonly ClientEvent[],
): void {
  const complain = (what: string): void => void view.problems.push(`${roomId}: ${what}`);
  const former = view.rooms.get(roomId);
  // A room that is joined again is told from the start: what was known of it is not needed, and may be out of date.
  const isBack = former?.membership === 'leave' && membership === 'join';
  if (isBack) count(view.happened, 'joined again');
  const hadMissed = former?.hasMissed === true && !isBack;
  leaveSections(view, roomId);
  const room = former === undefined || isBack ? emptyRoom() : former;
  view.rooms.set(roomId, room);
  room.membership = membership;
  room.hasMissed = hadMissed;
  const timeline = asObject(section['timeline'] ?? { events: [] }, 'timeline');
  const events = readEvents(timeline['events'] ?? [], 'timeline.events');
  foldState(room, section, events, complain);
  foldTimeline(view, room, { timeline, events, gap }, complain);
  for (const [key, value] of Object.entries(asObject(section['summary'] ?? {}, 'summary')))
    room.summary.set(key, value);
  for (const [type, content] of readTyped(section['account_data'])) room.accountData.set(type, content);
  foldEphemeral(room, section['ephemeral']);
  readUnread(room, section);
}

/** "If this field is set, even if it is empty, clients MUST only update their local state with events in this list." */
function foldState(
  room: RoomView,
  section: JsonObject,
  timeline: readonly ClientEvent[],
  complain: (what: string) => void,
): void {
  const [before, after] = [section['state'], section['state_after']];
  if (before !== undefined && after !== undefined) complain('has both state and state_after');
  const listed = readEvents(asObject(after ?? before ?? {}, 'state')['events'] ?? [], 'state.events');
  const keys = listed.map(stateKeyOf);
  if (new Set(keys).size < keys.length) complain('lists an entry of its state twice');
  for (const event of listed) {
    if (event.state_key === undefined) complain(`lists ${event.event_id} as state, which is none`);
    room.state.set(stateKeyOf(event), event);
  }
  if (after !== undefined) return;
  for (const event of timeline) if (event.state_key !== undefined) room.state.set(stateKeyOf(event), event);
}

function foldTimeline(
  view: ClientView,
  room: RoomView,
  {
    timeline,
    events,
    gap,
  }: {
    readonly timeline: JsonObject;
    readonly events: readonly ClientEvent[];
    readonly gap: readonly ClientEvent[] | undefined;
  },
  complain: (what: string) => void,
): void {
  const isLimited = timeline['limited'] === true;
  if (isLimited && typeof timeline['prev_batch'] !== 'string') complain('has a gap and no token to fill it with');
  if (isLimited && room.timeline.length > 0) count(view.happened, 'gap');
  if (gap !== undefined && gap.length > 0) count(view.happened, 'gap filled');
  for (const event of gap ?? []) room.filled.add(event.event_id);
  const startsAnew = isLimited && gap === undefined;
  const known = new Set(startsAnew ? [] : room.timeline.map((event) => event.event_id));
  for (const event of [...(gap ?? []), ...events]) {
    if (known.has(event.event_id)) complain(`has ${event.event_id} in its timeline twice`);
    known.add(event.event_id);
    const target = event.type === 'm.room.redaction' ? redactedBy(event) : undefined;
    if (target !== undefined) view.redacted.add(target);
  }
  room.timeline = [...(startsAnew ? [] : room.timeline), ...(gap ?? []), ...events];
}

/** Up to room version 10 beside the content, later in it. A redaction that is itself redacted names nothing. */
export function redactedBy(event: ClientEvent): string | undefined {
  const target = event.content['redacts'] ?? event.raw['redacts'];
  return typeof target === 'string' ? target : undefined;
}

/** Account data: the last content of each type. */
function readTyped(section: unknown): [type: string, content: JsonObject][] {
  const events = asArray(asObject(section ?? {}, 'account_data')['events'] ?? [], 'account_data.events');
  return events.map((value) => {
    const event = asObject(value, 'account data');
    return [text(event, 'type'), asObject(event['content'], 'content of account data')];
  });
}

function readStripped(room: unknown, name: string): StrippedEvent[] {
  const state = asObject(asObject(room, 'a room')[name], name);
  return asArray(state['events'], `${name}.events`).map((value) => {
    const event = asObject(value, 'a stripped event');
    const content = isObject(event['content']) ? event['content'] : {};
    return { type: text(event, 'type'), state_key: text(event, 'state_key'), sender: text(event, 'sender'), content };
  });
}
