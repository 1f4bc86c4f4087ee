/** Owns the comparison of what a client folded together with what a fresh initial sync says. */
import { isDeepStrictEqual } from 'node:util';
import { isObject, type ClientEvent } from '#test/support/matrix-shapes.ts';
import { stateKeyOf, type ClientView, type RoomView } from '#test/sync-oracle/client-view.ts';
import { redactedBy } from '#test/sync-oracle/fold-sync.ts';

export type CompareOptions = {
  /** Members are loaded lazily: neither side need know all of them, but they agree on those that both know. */
  readonly isLazy: boolean;
  /**
   * By room what stands in its state, where a state resolution may have taken something out of it: no answer of /sync can
   * say that.
   */
  readonly standing?: ReadonlyMap<string, ReadonlySet<string>>;
};

/** The differences, each a sentence; none if the client knows what it would know had it started now. */
export function compareViews(folded: ClientView, fresh: ClientView, options: CompareOptions): string[] {
  const differences = [...folded.problems, ...fresh.problems.map((problem) => `fresh: ${problem}`)];
  compareKeys(differences, 'joined rooms', joinedRooms(folded), joinedRooms(fresh));
  compareKeys(differences, 'invites', folded.invites, fresh.invites);
  // Who is invited by somebody whom they ignore is not told of it, and neither that their knock was answered by it.
  const known = ignoresSomebody(fresh) ? fresh.knocks : folded.knocks;
  compareKeys(differences, 'knocks', known, fresh.knocks);
  for (const name of ['invites', 'knocks'] as const) {
    for (const [roomId, state] of fresh[name]) {
      const known = folded[name].get(roomId);
      if (known !== undefined)
        compareValues(differences, `${roomId}: stripped state`, stripped(known), stripped(state));
    }
  }
  compareMaps(differences, 'account data', folded.accountData, fresh.accountData);
  for (const [roomId, room] of fresh.rooms) {
    if (room.membership === 'join') continue;
    differences.push(...compareLeft(folded.rooms.get(roomId), room).map((difference) => `${roomId}: ${difference}`));
  }
  for (const [roomId, room] of joinedRooms(fresh)) {
    const known = folded.rooms.get(roomId);
    if (known?.membership !== 'join') continue;
    const found: string[] = [];
    compareRooms(found, { folded, room: known, standing: options.standing?.get(roomId) }, room, options);
    differences.push(...found.map((difference) => `${roomId}: ${difference}`));
  }
  return differences;
}

/** A client that loads members lazily knows not all, but of each that it knows what somebody knows who is told of all. */
export function compareMembers(
  folded: ClientView,
  whole: ClientView,
  standing: CompareOptions['standing'] = new Map(),
): string[] {
  const differences: string[] = [];
  for (const [roomId, room] of joinedRooms(folded)) {
    const current = whole.rooms.get(roomId);
    if (current?.membership !== 'join') continue;
    for (const [key, known] of room.state) {
      const now = current.state.get(key);
      if (now === undefined && standing.get(roomId)?.has(key) === false) continue;
      if (known.event_id !== now?.event_id)
        differences.push(`${roomId}: known state ${key} is ${show(known)}, now ${show(now)}`);
    }
  }
  return differences;
}

/** The timeline, with its gaps filled, is the end of the history. */
export function compareHistory(room: RoomView, history: readonly ClientEvent[]): string[] {
  const known = room.timeline.map((event) => event.event_id);
  const end = history.slice(history.length - Math.min(known.length, history.length)).map((event) => event.event_id);
  if (isDeepStrictEqual(known, end)) return [];
  return [`the filled timeline is ${room.timeline.map(show).join(', ')}; the history ${history.map(show).join(', ')}`];
}

function ignoresSomebody({ accountData }: ClientView): boolean {
  const ignored = accountData.get('m.ignored_user_list')?.['ignored_users'];
  return isObject(ignored) && Object.keys(ignored).length > 0;
}

/** What an initial sync tells of a room that was left is told as of the departure; later the client may have been banned. */
function compareLeft(known: RoomView | undefined, fresh: RoomView): string[] {
  if (known?.membership !== 'leave') return ['that it was left was not told'];
  if (known.hasMissed) return [];
  const differences: string[] = [];
  const [ids, freshIds] = [known, fresh].map(({ timeline }) => timeline.map((event) => event.event_id));
  if (ids === undefined || freshIds === undefined) return [];
  const end = ids.lastIndexOf(freshIds.at(-1) ?? '') + 1;
  const length = Math.min(end, freshIds.length);
  const isEnd = isDeepStrictEqual(ids.slice(end - length, end), freshIds.slice(freshIds.length - length));
  if (freshIds.length > 0 && (end === 0 || !isEnd)) {
    differences.push(
      `the timeline of the room left ends with ${known.timeline.map(show).join(', ')}; fresh ${fresh.timeline.map(show).join(', ')}`,
    );
  }
  for (const [key, event] of fresh.state) {
    if (event.type === 'm.room.member') continue;
    compareValues(differences, `state ${key} of the room left`, known.state.get(key)?.event_id, event.event_id);
  }
  return differences;
}

function joinedRooms(view: ClientView): ReadonlyMap<string, RoomView> {
  return new Map([...view.rooms].filter(([, room]) => room.membership === 'join'));
}

/** In one order, whichever the server chose. */
function stripped(events: readonly { readonly type: string; readonly state_key: string }[]): unknown[] {
  return events.toSorted((left, right) => (left.type + left.state_key < right.type + right.state_key ? -1 : 1));
}

type Known = {
  readonly folded: ClientView;
  readonly room: RoomView;
  readonly standing: ReadonlySet<string> | undefined;
};

function compareRooms(differences: string[], known: Known, fresh: RoomView, options: CompareOptions): void {
  compareState(differences, known, fresh, options);
  compareTimelines(differences, known, fresh);
  if (options.isLazy) compareSenders(differences, known);
  for (const [key, value] of fresh.summary) {
    // Heroes are for rooms that have no name; in others they may be left as they were.
    if (key === 'm.heroes' && hasName(fresh)) continue;
    compareValues(differences, `summary ${key}`, sorted(known.room.summary.get(key)), sorted(value));
  }
  compareMaps(differences, 'account data', known.room.accountData, fresh.accountData);
  compareMaps(differences, 'receipt', known.room.receipts, fresh.receipts);
  compareValues(differences, 'who types', known.room.typing, fresh.typing);
  compareValues(differences, 'unread counts', known.room.unread, fresh.unread);
  compareMaps(differences, 'unread counts of thread', known.room.unreadThreads, fresh.unreadThreads);
}

function hasName({ state }: RoomView): boolean {
  const name = state.get(JSON.stringify(['m.room.name', '']))?.content['name'];
  const alias = state.get(JSON.stringify(['m.room.canonical_alias', '']))?.content['alias'];
  return [name, alias].some((value) => typeof value === 'string' && value !== '');
}

const sorted = (value: unknown): unknown => (Array.isArray(value) ? value.map(String).toSorted() : value);

function compareState(
  differences: string[],
  { folded, room, standing }: Known,
  fresh: RoomView,
  options: CompareOptions,
): void {
  for (const key of new Set([...room.state.keys(), ...fresh.state.keys()])) {
    const [known, current] = [room.state.get(key), fresh.state.get(key)];
    const mayBeUnknown = options.isLazy && (known ?? current)?.type === 'm.room.member';
    if (known === undefined || current === undefined) {
      if (current === undefined && standing?.has(key) === false) continue;
      if (!mayBeUnknown) differences.push(`state ${key} is ${show(known)}, fresh ${show(current)}`);
    } else if (known.event_id !== current.event_id) {
      differences.push(`state ${key} is ${show(known)}, fresh ${show(current)}`);
    } else if (!isRedacted(folded, known) && !isRedacted(folded, current)) {
      compareValues(differences, `content of state ${key}`, known.content, current.content);
    }
  }
}

/** The shorter timeline is the end of the longer one. */
function compareTimelines(differences: string[], { folded, room }: Known, fresh: RoomView): void {
  const length = Math.min(room.timeline.length, fresh.timeline.length);
  const known = room.timeline.slice(room.timeline.length - length);
  const current = fresh.timeline.slice(fresh.timeline.length - length);
  const [ids, freshIds] = [known.map((event) => event.event_id), current.map((event) => event.event_id)];
  if (!isDeepStrictEqual(ids, freshIds)) {
    differences.push(`the timeline ends with ${known.map(show).join(', ')}; fresh ${current.map(show).join(', ')}`);
    return;
  }
  for (const [at, event] of known.entries()) {
    const now = current[at];
    if (now !== undefined && !isBlankRedaction(room, now) && !isUnheardRedaction(folded, now))
      compareEvents(differences, folded, event, now);
  }
}

/** A redaction behind the event is in the same timeline, so that both sides know of it. */
function compareEvents(differences: string[], folded: ClientView, event: ClientEvent, fresh: ClientEvent): void {
  const what = `event ${show(event)}`;
  const [wasRedacted, isNowRedacted] = [isRedacted(folded, event), hasRedactedForm(fresh)];
  if (wasRedacted !== isNowRedacted) {
    differences.push(`${what} is ${wasRedacted ? '' : 'not '}redacted, fresh it is${isNowRedacted ? '' : ' not'}`);
    return;
  }
  for (const key of ['type', 'sender', 'origin_server_ts', 'state_key'] as const) {
    compareValues(differences, `${key} of ${what}`, event[key], fresh[key]);
  }
  if (!wasRedacted) compareValues(differences, `content of ${what}`, event.content, fresh.content);
}

/**
 * Whether the event was redacted by a redaction that had been redacted itself before it was told: it then no longer says
 * what it redacts (up to room version 10), and only who asks for the event again sees that it is redacted.
 */
function isBlankRedaction(known: RoomView, fresh: ClientEvent): boolean {
  const because = fresh.unsigned['redacted_because'];
  const id = isObject(because) ? because['event_id'] : undefined;
  const redaction = known.timeline.find((event) => event.event_id === id);
  return redaction !== undefined && redactedBy(redaction) === undefined;
}

/** What users whom one ignores redact is redacted, and nothing tells it but the event itself when it is asked for again. */
function isUnheardRedaction({ accountData }: ClientView, fresh: ClientEvent): boolean {
  const because = fresh.unsigned['redacted_because'];
  const ignored = accountData.get('m.ignored_user_list')?.['ignored_users'];
  return isObject(because) && isObject(ignored) && Object.hasOwn(ignored, String(because['sender']));
}

const hasRedactedForm = (event: ClientEvent): boolean => event.unsigned['redacted_because'] !== undefined;
const isRedacted = (view: ClientView, event: ClientEvent): boolean =>
  view.redacted.has(event.event_id) || hasRedactedForm(event);

/** With members loaded lazily, at least those who wrote what is in the timeline are known. */
function compareSenders(differences: string[], { room, standing }: Known): void {
  const told = room.timeline.filter((event) => !room.filled.has(event.event_id));
  for (const sender of new Set(told.map((event) => event.sender))) {
    const key = stateKeyOf({ type: 'm.room.member', state_key: sender });
    // A state resolution may have taken them out of the room altogether.
    if (!room.state.has(key) && standing?.has(key) !== false) {
      differences.push(`${sender} wrote in the timeline, and their membership was not told`);
    }
  }
}

function compareKeys(
  differences: string[],
  what: string,
  left: ReadonlyMap<string, unknown>,
  right: ReadonlyMap<string, unknown>,
): void {
  for (const key of left.keys()) if (!right.has(key)) differences.push(`${what}: ${key}, which fresh is none`);
  for (const key of right.keys())
    if (!left.has(key)) differences.push(`${what}: fresh ${key}, of which nothing was told`);
}

function compareMaps(
  differences: string[],
  what: string,
  left: ReadonlyMap<string, unknown>,
  right: ReadonlyMap<string, unknown>,
): void {
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    compareValues(differences, `${what} ${key}`, left.get(key), right.get(key));
  }
}

function compareValues(differences: string[], what: string, left: unknown, right: unknown): void {
  if (isDeepStrictEqual(left, right)) return;
  differences.push(`${what} is ${JSON.stringify(left)}, fresh ${JSON.stringify(right)}`);
}

function show(event: ClientEvent | undefined): string {
  return event === undefined ? 'absent' : `${event.event_id} (${event.type.replace('m.room.', '')})`;
}
