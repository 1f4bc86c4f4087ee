/** Owns the contract of a projection: a table derived from events, kept in the transaction that writes them. */
import type { AuthEvent } from '#matrix/pdu.ts';
import type { RoomEntry, Sending } from '#rooms/persist/built-events.ts';
import type { JudgedRedaction } from '#rooms/persist/early-redactions.ts';
import type { RoomView } from '#rooms/persist/room-view.ts';
import type { Tx } from '#storage/database.ts';
import type { EventRow } from '#storage/rooms/persist-columns.ts';

/** A new event, or an older one that is part of the room's state again or for the first time. */
export type ProjectedEvent = {
  /** An entry that a resolution removed is shown as its last event with an empty content. */
  readonly event: AuthEvent;
  readonly row: Pick<EventRow, 'eventNid' | 'membership'>;
  readonly isNew: boolean;
  readonly sending: Sending;
  /** Of a new event: redactions of it that came first. */
  readonly earlyRedactions: readonly JudgedRedaction[];
  /** Whether it is an entry of the room's state now. A new state event on an old branch need not be. */
  readonly isState: boolean;
  /** What the state had under its key before. */
  readonly replaced: AuthEvent | undefined;
  /** The power levels before the event. */
  readonly levels: AuthEvent | undefined;
  /** The room after the whole request. */
  readonly view: RoomView;
  /** Set for the event by which this server has come into the room. */
  readonly entry?: RoomEntry | undefined;
};

/**
 * Works on a batch: the number of its statements does not depend on the batch's size. It writes its own tables only, and
 * treats odd content as nothing to do. A batch in which it concerns nothing does not pay for it.
 */
export type Projection = {
  readonly name: string;
  concerns(event: ProjectedEvent): boolean;
  apply(tx: Tx, events: readonly ProjectedEvent[]): Promise<void>;
  /**
   * Makes the room's rows anew from its events, to what applying them one by one would have made of them. The caller holds
   * the room's lock. Absent where the rows are those of a projection that comes before.
   */
  rebuild?(tx: Tx, view: RoomView): Promise<void>;
};
