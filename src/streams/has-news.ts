/** Owns the question whether anything that has passed concerns somebody, answered from memory. */
import type { Change } from '#streams/change.ts';
import type { ChangeStream } from '#streams/change-stream.ts';
import type { EventStream } from '#streams/event-stream.ts';
import type { StreamPositions } from '#streams/sync-token.ts';

/** Who listens: a device of a user, in the rooms that they are joined to. */
export type Listener = {
  readonly userNid: number;
  readonly userId: string;
  readonly deviceNid: number;
  readonly roomNids: readonly number[];
};

type Readers = {
  readonly events: EventStream;
  readonly userData: ChangeStream;
  readonly toDevice: ChangeStream;
  readonly deviceLists: ChangeStream;
  readonly ephemeral: ChangeStream;
};

/** False only if nothing after these positions concerns the listener; true too when memory does not reach back. */
export function hasNews(readers: Readers, listener: Listener, after: StreamPositions): boolean {
  const [events, userData, toDevice, deviceLists, ephemeral] = after;
  return (
    hasEvents(readers.events, listener, events) ||
    hasUserData(readers.userData, listener, userData) ||
    hasToDevice(readers.toDevice, listener, toDevice) ||
    hasDeviceLists(readers.deviceLists, listener, deviceLists) ||
    hasEphemeral(readers.ephemeral, listener, ephemeral)
  );
}

function hasEvents(stream: EventStream, { roomNids, userId }: Listener, after: number): boolean {
  if (stream.horizon <= after) return false;
  if (!stream.reachesBackTo(after) || stream.memberFactsSince(userId, after).length > 0) return true;
  return roomNids.some((roomNid) => stream.roomFactsSince(roomNid, after).length > 0);
}

const userKinds = ['accountData', 'privateReceipts', 'completedRooms'] as const;

function hasUserData(stream: ChangeStream, { roomNids, userNid }: Listener, after: number): boolean {
  if (stream.horizon <= after) return false;
  if (!stream.reachesBackTo(after)) return true;
  if (userKinds.some((kind) => stream.hasSince(kind, userNid, after))) return true;
  return roomNids.some((roomNid) => stream.hasSince('receipts', roomNid, after));
}

function hasToDevice(stream: ChangeStream, { deviceNid }: Listener, after: number): boolean {
  if (stream.horizon <= after) return false;
  return !stream.reachesBackTo(after) || stream.hasSince('toDevice', deviceNid, after);
}

function hasDeviceLists(stream: ChangeStream, { roomNids, userNid, deviceNid }: Listener, after: number): boolean {
  if (stream.horizon <= after) return false;
  const changes = stream.since(after);
  // Their own devices are told to those who are in no room too.
  const isOwn = (change: Change): boolean => change.kind === 'deviceLists' && change.userNid === userNid;
  if (changes === undefined || changes.some(isOwn) || stream.hasSince('deviceKeys', deviceNid, after)) return true;
  if (stream.hasSince('trust', userNid, after)) return true;
  return roomNids.some((roomNid) => stream.hasSince('deviceLists', roomNid, after));
}

function hasEphemeral(stream: ChangeStream, { roomNids, userNid }: Listener, after: number): boolean {
  if (stream.horizon <= after) return false;
  if (!stream.reachesBackTo(after)) return true;
  if (roomNids.some((roomNid) => stream.hasSince('typing', roomNid, after))) return true;
  if (!roomNids.some((roomNid) => stream.hasSince('presence', roomNid, after))) return false;
  // Nobody is told of their own presence.
  const rooms = new Set(roomNids);
  const isOthers = ({ kind, userNid: whose, audience }: Change): boolean =>
    kind === 'presence' && whose !== userNid && audience.some((roomNid) => rooms.has(roomNid));
  return stream.since(after)?.some(isOthers) ?? true;
}
