/** Owns what the four streams beside events say of a change: whom it concerns; the tables have what it is. */
import type { ChangeRow } from '#storage/streams/find-changes.ts';

export type ChangeKind = ChangeRow['kind'];

export type Change = {
  readonly pos: number;
  readonly kind: ChangeKind;
  /** Whose account data, receipt, device, list of devices, typing or presence. */
  readonly userNid: number;
  /** 0 where there is none. */
  readonly roomNid: number;
  readonly deviceNid: number;
  /** Rooms whose members hear of a list of devices or of presence. */
  readonly audience: readonly number[];
};

/** Kinds that concern everybody in a room; the others concern their user alone. */
const roomKinds: ReadonlySet<ChangeKind> = new Set(['receipts', 'typing', 'deviceLists', 'presence']);

/** The rooms whose members a change concerns; undefined when it concerns its user alone. */
export function roomsOf({ kind, roomNid, audience }: Change): readonly number[] | undefined {
  if (!roomKinds.has(kind)) return undefined;
  return kind === 'receipts' || kind === 'typing' ? [roomNid] : audience;
}

/** The numbers under which news of this kind are looked up: of a device, of a user, or of rooms. */
export function keysOf(change: Change): readonly number[] {
  return roomsOf(change) ?? [change.deviceNid === 0 ? change.userNid : change.deviceNid];
}

/** A change as a row of a query tells it. */
export function changeOf({ pos, kind, user_nid, room_nid, device_nid, audience }: ChangeRow): Change {
  return { pos, kind, userNid: user_nid, roomNid: room_nid, deviceNid: device_nid, audience };
}
