/** Owns the columns of an event's row and the fact that the stream gets, both made from the signed event. */
import { hash } from 'node:crypto';
import { clientEventStem } from '#matrix/client-event.ts';
import { historyVisibilityOf } from '#matrix/history-visibility.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import { relationOf } from '#matrix/relation.ts';
import { notificationLevel, userPowerLevel } from '#matrix/power-levels.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { selectDefaultNotification } from '#notifications/default-notification.ts';
import type { PersistRequest, ReplayKey } from '#rooms/persist-request.ts';
import { entryOf, type RoomView, type StateEntry } from '#rooms/persist/room-view.ts';
import type { Interned } from '#storage/interned.ts';
import type { EventRow } from '#storage/rooms/persist-columns.ts';
import { membershipCodes, type EventFact, type MembershipName } from '#streams/event-fact.ts';

/** The codes of `events.history_visibility`. */
export const visibilityCodes = { world_readable: 0, shared: 1, invited: 2, joined: 3 } as const;
type RowParts = { readonly interned: Interned; readonly isLocal: (id: string) => boolean };

/** The columns that follow from the event and the state before it. */
export function columnsOf(
  { interned, isLocal }: RowParts,
  sealed: ValidatedPdu,
  event: AuthEvent,
  view: RoomView,
  replaced: StateEntry | undefined,
) {
  const senderNid = interned.knownUser(event.sender);
  if (senderNid === undefined) throw new Error('internNames() was not awaited.');
  const relation = relationOf(event.content);
  const notification = selectDefaultNotification(event, () => mayNotifyRoom(view, event.sender));
  const visibility = historyVisibilityOf(entryOf(view, 'm.room.history_visibility', '')?.event.content);
  const { state_key: stateKey } = event;
  const userNid = stateKey === undefined ? undefined : interned.knownUser(stateKey);
  const concernsLocalUser = event.type === 'm.room.member' && stateKey !== undefined && isLocal(stateKey);
  return {
    eventId: event.eventId,
    json: sealed.json,
    type: event.type,
    keyNid: stateKey === undefined ? null : (interned.knownKey(event.type, stateKey) ?? null),
    senderNid,
    originServerTs: event.origin_server_ts,
    depth: event.depth,
    stateBefore: view.head.root,
    historyVisibility: visibilityCodes[visibility],
    prevNids: view.head.extremities.map(({ nid }) => nid),
    relatesTo: relation?.eventId ?? null,
    relType: relation?.relType ?? null,
    notifySeq: view.head.notifySeq + notification.step,
    notifyStep: notification.step,
    highlighted: notification.highlighted,
    bumps: bumpTypes.has(event.type),
    membership:
      concernsLocalUser && userNid !== undefined
        ? { userNid, now: membershipCodeOf(event), was: replaced === undefined ? 0 : membershipCodeOf(replaced.event) }
        : undefined,
  };
}

/** Specification: Client-Server API, `m.room.power_levels`, `notifications`. */
function mayNotifyRoom(view: RoomView, sender: string): boolean {
  const create = entryOf(view, 'm.room.create', '')?.event;
  if (create === undefined) return false;
  const levels = entryOf(view, 'm.room.power_levels', '')?.event.content;
  const power = { version: view.version, create, levels };
  return userPowerLevel(power, sender) >= notificationLevel(power, 'room');
}

/** Events that move a room up in a list of rooms. */
const bumpTypes: ReadonlySet<string> = new Set([
  'm.room.create',
  'm.room.message',
  'm.room.encrypted',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
]);

function isMembership(name: unknown): name is MembershipName {
  return typeof name === 'string' && Object.hasOwn(membershipCodes, name);
}

export function membershipCodeOf(event: AuthEvent): number {
  const name = event.content['membership'];
  return isMembership(name) ? membershipCodes[name] : membershipCodes.none;
}

/** The columns of a request's transaction id, for its first event. */
export function replayColumnsOf(
  replay: PersistRequest['replay'],
): Pick<EventRow, 'txnDeviceNid' | 'txnId' | 'replayHash'> {
  if (replay === undefined) return { txnDeviceNid: null, txnId: null, replayHash: null };
  return { txnDeviceNid: replay.deviceNid, txnId: replay.txnId, replayHash: replayHashOf(replay) };
}

/** What the stream says of the event, but for its position. */
export function factOf(
  sealed: ValidatedPdu,
  event: AuthEvent,
  view: RoomView,
  row: EventRow,
  replaced: StateEntry | undefined,
): Omit<EventFact, 'pos'> {
  const membership = event.type === 'm.room.member' ? event.content['membership'] : undefined;
  return {
    eventNid: row.eventNid,
    roomNid: view.roomNid,
    roomId: sealed.roomId,
    eventId: event.eventId,
    type: event.type,
    stateKey: event.state_key,
    sender: event.sender,
    originServerTs: event.origin_server_ts,
    roomOrder: row.roomOrder ?? 0,
    stateBefore: row.stateBefore,
    stem: clientEventStem(sealed.json, event.eventId, view.version),
    membership: typeof membership === 'string' ? membership : undefined,
    redacts: event.type === 'm.room.redaction' ? event.redacts : undefined,
    replacesNid: replaced?.eventNid,
    txnDeviceNid: row.txnDeviceNid ?? undefined,
    txnId: row.txnId ?? undefined,
    notification: { step: row.notifyStep, highlighted: row.highlighted },
    threadRootId: row.relType === 'm.thread' ? (row.relatesTo ?? undefined) : undefined,
  };
}

/** Half a SHA-256 of endpoint and transaction id: short in the key, and nothing to choose a collision with. */
export function replayHashOf({ path, txnId }: ReplayKey): Buffer {
  return hash('sha256', JSON.stringify([path, txnId]), 'buffer').subarray(0, 16);
}
