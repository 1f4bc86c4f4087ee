/** Owns stored events as a client reads them: redacted if they are, with what `unsigned` tells this reader. */
import {
  clientEventJson,
  clientEventStem,
  contentJsonOf,
  unsignedJson,
  type UnsignedParts,
} from '#matrix/client-event.ts';
import { redactJson } from '#matrix/redaction.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { MembershipOf } from '#rooms/event-membership.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventsByNids, type StoredEvent, type StoredRedaction } from '#storage/rooms/find-events.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import type { ErasedPosOf } from '#users/erased-users.ts';

/** The state event that another one replaced. */
export type ReplacedEvent = { readonly eventId: string; readonly sender: string; readonly contentJson: string };

export type RenderOptions = {
  /** Left out in `/sync`, where the room is known. */
  readonly roomId: string | undefined;
  /** The reader's device, which is told its own transaction ids. */
  readonly deviceNid: number | undefined;
  /** Wall clock in milliseconds. */
  readonly now: number;
  readonly version: RoomVersion;
  /** What the reader was to the room at an event. */
  readonly membershipOf?: MembershipOf;
  /** Whose messages are told redacted to whoever was not there before they were erased; needs `membershipOf`. */
  readonly erasedPosOf?: ErasedPosOf;
  /** By the nid of the event that replaced: what `findReplaced` gave. */
  readonly replaced?: ReadonlyMap<number, ReplacedEvent>;
  /** By event id: what `bundleRelations` gave. */
  readonly relations?: ReadonlyMap<string, string>;
};

/** The text of an event as readers may have it: the redacted form if a redaction took effect. */
export function readableJson(stored: Pick<StoredEvent, 'json' | 'redaction'>, version: RoomVersion): string {
  return stored.redaction === undefined ? stored.json : redactJson(stored.json, version);
}

/** The JSON text of an event in client format. Specification: Client-Server API, "Room event format". */
export function renderEvent(stored: StoredEvent, options: RenderOptions): string {
  const stem = clientEventStem(readableJsonFor(stored, options), stored.eventId, options.version);
  return clientEventJson(stem, options.roomId, unsignedJson(unsignedOf(stored, options)));
}

/** As `readableJson`, and redacted too for whoever may not read an erased user's messages. */
export function readableJsonFor(stored: StoredEvent, options: RenderOptions): string {
  const readable = readableJson(stored, options.version);
  return isErasedFor(stored, options) ? redactJson(readable, options.version) : readable;
}

/**
 * Whether the sender was erased, and the reader was in the room neither at the event nor when that happened. State stays,
 * as the room stands on it. Specification: Client-Server API, "Account deactivation", `erase`.
 */
export function isErasedFor(
  stored: StoredEvent,
  { erasedPosOf, membershipOf }: Pick<RenderOptions, 'erasedPosOf' | 'membershipOf'>,
): boolean {
  if (stored.stateKey !== undefined || erasedPosOf === undefined || membershipOf === undefined) return false;
  const erasedPos = erasedPosOf(stored.sender);
  return erasedPos !== undefined && membershipOf(stored.pos) !== 'join' && membershipOf(erasedPos) !== 'join';
}

/** The JSON text of a redaction for `unsigned.redacted_because`. */
export function renderRedaction(redaction: StoredRedaction, roomId: string | undefined, version: RoomVersion): string {
  const json = redaction.isRedacted ? redactJson(redaction.json, version) : redaction.json;
  return clientEventJson(clientEventStem(json, redaction.eventId, version), roomId, '');
}

function unsignedOf(stored: StoredEvent, options: RenderOptions): UnsignedParts {
  const replaced = options.replaced?.get(stored.eventNid);
  const relations = options.relations?.get(stored.eventId);
  const isOwn = stored.txnId !== undefined && stored.txnDeviceNid === options.deviceNid;
  return {
    ageMs: Math.max(0, options.now - stored.originServerTs),
    ...(options.membershipOf && { membership: options.membershipOf(stored.pos) }),
    ...(isOwn && stored.txnId !== undefined && { transactionId: stored.txnId }),
    ...(replaced && replacedParts(replaced)),
    ...(stored.redaction && {
      redactedBecauseJson: renderRedaction(stored.redaction, options.roomId, options.version),
    }),
    ...(relations !== undefined && { relationsJson: relations }),
  };
}

/** What `unsigned` says of the state event that was replaced. */
export function replacedParts({ eventId, sender, contentJson }: ReplacedEvent): UnsignedParts {
  return { replacesState: eventId, prevSender: sender, prevContentJson: contentJson };
}

export function replacedEvent(stored: StoredEvent, version: RoomVersion): ReplacedEvent {
  const { eventId, sender } = stored;
  return { eventId, sender, contentJson: contentJsonOf(readableJson(stored, version)) };
}

/** What each of these state events replaced, by the nid of the event that replaced it. Other events are passed over. */
export async function findReplaced(
  parts: { readonly database: ReadTx; readonly tries: StateTries },
  events: readonly StoredEvent[],
  version: RoomVersion,
): Promise<ReadonlyMap<number, ReplacedEvent>> {
  const nids = new Map<number, number>();
  for (const { eventNid, roomNid, stateBefore, keyNid } of events) {
    if (stateBefore === undefined || keyNid === undefined) continue;
    const nid = await parts.tries.find(parts.database, roomNid, stateBefore, keyNid);
    if (nid !== undefined) nids.set(eventNid, nid);
  }
  if (nids.size === 0) return new Map();
  return findReplacedByNids(parts.database, nids, version);
}

/** As `findReplaced`, where the replaced events are known already: pairs of an event's nid and its predecessor's. */
export async function findReplacedByNids(
  database: ReadTx,
  nids: ReadonlyMap<number, number>,
  version: RoomVersion,
): Promise<ReadonlyMap<number, ReplacedEvent>> {
  const found = new Map<number, ReplacedEvent>();
  for (const stored of await findEventsByNids(database, [...new Set(nids.values())])) {
    found.set(stored.eventNid, replacedEvent(stored, version));
  }
  const replaced = new Map<number, ReplacedEvent>();
  for (const [eventNid, replacedNid] of nids) {
    const event = found.get(replacedNid);
    if (event !== undefined) replaced.set(eventNid, event);
  }
  return replaced;
}
