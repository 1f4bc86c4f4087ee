/** Owns the verdict over the rooms as they are in the end, and over what each process shows of them. */
import type { HistoryRecord, JoinedView, RoomView } from '#test/trials/history.ts';
import { effectsMax, type Operations } from '#test/trials/oracle/operations.ts';
import type { Violation } from '#test/trials/oracle/violation.ts';

/** By room, as the first process in the history shows it. */
export type Rooms = ReadonlyMap<string, RoomView>;

export function collectRooms(records: readonly HistoryRecord[]): Rooms {
  const rooms = new Map<string, RoomView>();
  for (const record of records) {
    if (record.t === 'view' && !rooms.has(record.roomId)) rooms.set(record.roomId, record);
  }
  return rooms;
}

/** An acknowledged event stays, happened once, is what was sent, and stands in its sender's order. */
export function judgeRooms(rooms: Rooms, operations: Operations): Violation[] {
  const violations = [...rooms.values()].flatMap((room) => [
    ...judgeEvents(room, operations),
    ...judgeReceipts(room, operations),
  ]);
  return [...violations, ...judgeAcknowledged(rooms, operations)];
}

/** No event twice, no operation more often than it may have happened, and nothing that nobody sent. */
function judgeEvents({ roomId, events }: RoomView, operations: Operations): Violation[] {
  const violations: Violation[] = [];
  const ids = new Set<string>();
  const counts = new Map<string, number>();
  for (const [eventId, sender, key] of events) {
    if (ids.has(eventId)) violations.push({ kind: 'doubled', detail: `room ${roomId} has ${eventId} (${key}) twice` });
    else if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
    ids.add(eventId);
    if (key === null) continue;
    const operation = operations.get(key);
    const isSent = operation?.invocation.sender === sender && operation.invocation.roomId === roomId;
    if (!isSent) violations.push({ kind: 'invented', detail: `room ${roomId} has ${key} of ${sender}, not sent` });
    const told = operation?.acknowledged?.eventId;
    if (isSent && operation.invocation.kind === 'message' && told !== undefined && told !== eventId) {
      violations.push({ kind: 'invented', detail: `room ${roomId} has ${key} as ${eventId}, but ${told} was told` });
    }
  }
  for (const [key, count] of counts) {
    const operation = operations.get(key);
    const most = operation === undefined ? 0 : effectsMax(operation);
    if (operation !== undefined && most === 0) {
      violations.push({ kind: 'invented', detail: `room ${roomId} has ${key}, which was refused` });
    } else if (operation !== undefined && count > most) {
      violations.push({ kind: 'doubled', detail: `room ${roomId} has ${key} as ${count} events instead of ${most}` });
    }
  }
  return violations;
}

function judgeAcknowledged(rooms: Rooms, operations: Operations): Violation[] {
  const places = new Map<string, { readonly roomId: string; readonly place: number }>();
  for (const { roomId, events } of rooms.values()) {
    for (const [place, [eventId]] of events.entries()) places.set(eventId, { roomId, place });
  }
  const violations: Violation[] = [];
  const latest = new Map<string, { readonly key: string; readonly place: number }>();
  for (const [key, { invocation, acknowledged }] of operations) {
    const { roomId, lane, kind } = invocation;
    if (acknowledged?.eventId === undefined || kind === 'receipt' || kind === 'toDevice') continue;
    const found = places.get(acknowledged.eventId);
    if (found === undefined || found.roomId !== roomId) {
      violations.push({ kind: 'lost', detail: `${key} (${acknowledged.eventId}) is not in room ${roomId}` });
      continue;
    }
    const before = latest.get(lane);
    if (before !== undefined && found.place < before.place) {
      violations.push({ kind: 'reordered', detail: `room ${roomId} has ${key} before ${before.key}` });
    }
    latest.set(lane, { key, place: found.place });
  }
  return violations;
}

/** A user's receipt is the last one that was acknowledged, or one that was sent after it. */
function judgeReceipts({ roomId, receipts }: RoomView, operations: Operations): Violation[] {
  const shown = new Map(receipts);
  const sent = new Map<string, string[]>();
  const acknowledged = new Map<string, number>();
  for (const { invocation, acknowledged: answer } of operations.values()) {
    const { kind, sender, eventId } = invocation;
    if (kind !== 'receipt' || invocation.roomId !== roomId || eventId === undefined) continue;
    const own = sent.get(sender) ?? [];
    own.push(eventId);
    sent.set(sender, own);
    if (answer !== undefined) acknowledged.set(sender, own.length - 1);
  }
  const violations: Violation[] = [];
  for (const [sender, last] of acknowledged) {
    const eventId = shown.get(sender);
    const place = eventId === undefined ? -1 : (sent.get(sender) ?? []).lastIndexOf(eventId);
    if (place >= last) continue;
    const expected = sent.get(sender)?.[last];
    violations.push({ kind: 'lost', detail: `room ${roomId} has receipt ${eventId} of ${sender}, not ${expected}` });
  }
  return violations;
}

/** All processes show the same history, state, receipts and memberships when all is quiet. */
export function judgeAgreement(records: readonly HistoryRecord[], rooms: Rooms): Violation[] {
  const violations: Violation[] = [];
  const joined = new Map<string, JoinedView>();
  for (const record of records) {
    if (record.t === 'view') {
      const first = rooms.get(record.roomId);
      const difference = first === undefined ? undefined : differenceOf(first, record);
      if (difference === undefined) continue;
      const detail = `room ${record.roomId} at ${first?.server} and at ${record.server}: ${difference}`;
      violations.push({ kind: 'divergent', detail });
    }
    if (record.t === 'joined') {
      const first = joined.get(record.userId) ?? record;
      joined.set(record.userId, first);
      if (first.rooms.toSorted().join() === record.rooms.toSorted().join()) continue;
      const detail = `${record.userId} is joined to ${record.rooms.join(' ')} at ${record.server}, to ${first.rooms.join(' ')} at ${first.server}`;
      violations.push({ kind: 'divergent', detail });
    }
  }
  for (const { userId, rooms: own } of joined.values()) violations.push(...judgeJoined(userId, own, rooms));
  return violations;
}

/** A user's list of rooms is what the rooms' states say. */
function judgeJoined(userId: string, own: readonly string[], rooms: Rooms): Violation[] {
  const violations: Violation[] = [];
  for (const { roomId, joined } of rooms.values()) {
    const [isTold, isMember] = [own.includes(roomId), joined.includes(userId)];
    if (isTold === isMember) continue;
    const words = `${userId} is ${isTold ? '' : 'not '}told to be in ${roomId}, whose state says otherwise`;
    violations.push({ kind: 'divergent', detail: words });
  }
  return violations;
}

function differenceOf(first: RoomView, other: RoomView): string | undefined {
  for (const name of ['events', 'state', 'receipts'] as const) {
    const [ours, theirs] = [linesOf(first, name), linesOf(other, name)];
    const at = ours.findIndex((line, index) => line !== theirs[index]);
    if (at >= 0) return `${name} have ${ours[at]} against ${theirs[at]}`;
    if (theirs.length > ours.length) return `${name} have nothing against ${theirs[ours.length]}`;
  }
  return undefined;
}

function linesOf(view: RoomView, name: 'events' | 'state' | 'receipts'): string[] {
  const lines = view[name].map((entry) => entry.join(' '));
  return name === 'events' ? lines : lines.toSorted();
}
