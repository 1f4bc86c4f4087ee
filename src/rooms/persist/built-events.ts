/** Owns the shapes of events on their way to the writer: what they are built from and what comes of it. */
import type { Clock } from '#core/clock.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { Signer } from '#matrix/signing.ts';
import type { JudgedRedaction } from '#rooms/persist/early-redactions.ts';
import type { RoomView, StateEntry, ViewParts } from '#rooms/persist/room-view.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import type { OmittedMembers } from '#rooms/persist-request.ts';
import type { EventStatus } from '#storage/rooms/event-status.ts';
import type { EventRow, MembershipChange } from '#storage/rooms/persist-columns.ts';
import type { EventFact } from '#streams/event-fact.ts';

export type BuildParts = ViewParts & {
  readonly clock: Clock;
  readonly nids: NidAllocator;
  readonly signer: Signer;
  readonly isLocal: (id: string) => boolean;
  /** Times of create events, none of them twice: from version 12 on the room's id is made of little else. */
  readonly nextCreationTs: () => number;
};

/**
 * Who sends an event to the room's servers: we, as it was made here; we, though its sender is another server's user, as it
 * was handed to us; or who told us of it.
 */
export type Sending = 'ours' | 'relayed' | 'theirs';

/** An event that is ready to be written. */
export type BuiltEvent = {
  readonly row: EventRow;
  /** What the stream is told of an accepted event; nothing is missing but the position. */
  readonly fact: Omit<EventFact, 'pos'> | undefined;
  readonly event: AuthEvent;
  readonly replaced: StateEntry | undefined;
  /** The power levels by which it was allowed: the view's state moves on. */
  readonly levels: AuthEvent | undefined;
  /** Redactions that came before it, and can be judged now. */
  readonly earlyRedactions: readonly JudgedRedaction[];
  /** Whether the event is an entry of the room's state after it. */
  readonly isState: boolean;
  /** Entries of the room's state that changed with it, but are other events. */
  readonly resolved: readonly ResolvedEntry[];
  readonly sending: Sending;
  /** Whether nodes are written with it that none of the room's states needs. */
  readonly leavesNodes: boolean;
  /** Whether it follows events that are not here, by the states which another server told. */
  readonly hasGapBefore: boolean;
  /** Set for the event by which this server has come into the room. */
  readonly entry: RoomEntry | undefined;
};

/** How a room was entered: with all of its state, or without its members. */
export type RoomEntry = { readonly omitted: OmittedMembers | undefined };

/** An older event that a state resolution has made part of the state; of a removed entry, its last event with no content. */
export type ResolvedEntry = {
  readonly event: AuthEvent;
  readonly eventNid: number;
  readonly replaced: AuthEvent | undefined;
  readonly membership: MembershipChange | undefined;
};

/** What became of each event of a request, those included that were here before. */
export type Outcome = { readonly eventId: string; readonly status: EventStatus };

/** The events of a request that are to be written, and the head and state that the room has after them. */
export type BuiltEvents = {
  readonly events: readonly BuiltEvent[];
  readonly outcomes: readonly Outcome[];
  readonly view: RoomView;
  readonly changed: boolean;
  /** It did not stand on the room's head, so that the new head is written for it alone. */
  readonly isAlone: boolean;
};

export type Placed = { readonly event: BuiltEvent; readonly view: RoomView };

/** Gaps between live events leave room for what a backfill places between them. */
export const orderStep = 2 ** 20;
/** How far below the oldest event here one goes that is older and not next to it: so many may still come in between. */
export const orderBelowAll = 2 ** 30;
