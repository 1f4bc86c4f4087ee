/** Owns the contract of `persist-event`: what callers hand in and what they get back. */
import type { JsonObject } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { Tx } from '#storage/database.ts';
import type { EventStatus } from '#storage/rooms/event-status.ts';

/** The first door: an event of ours whose predecessors, auth events and id are made at commit. */
export type DraftEvent = {
  readonly sender: string;
  readonly type: string;
  /** Present, perhaps empty, for a state event. */
  readonly state_key?: string;
  readonly content: JsonObject;
  /** For `m.room.redaction`; it goes where the room version has it. */
  readonly redacts?: string;
};

/** The second door: an event that is signed already. It is judged where it stands, and kept whatever comes of it. */
export type SealedEvent = {
  readonly sealed: ValidatedPdu;
  /** By predecessors that are not here: the state after each, as another server told it, of events that are here. */
  readonly states?: ReadonlyMap<string, readonly string[]>;
  /**
   * Of history that is filled in: the `room_order` below which it belongs. It is new to nobody: it has no position, does not
   * move the room's head, and neither notifies nor counts as unread. Several of them may be one request if each is written after
   * what it follows, and nothing follows a state event among them.
   */
  readonly before?: number;
  /**
   * By this join the server comes into the room, perhaps once more: the states that it brings are the room's, whatever was
   * here of an earlier stay, which nothing follows any more. It says nothing while a user of this server is in the room.
   */
  readonly entersRoom?: true;
  /** Set if the states that it brings lack members, whom the server that told them has left out. */
  readonly omitted?: OmittedMembers;
  /**
   * It goes to the room's servers from here: an event of another server that was handed to us to join, leave or knock, or one of
   * ours that another server has signed too. Without it, others send what is sealed, also of users of ours.
   */
  readonly relay?: true;
};

/** What is known of a room whose members have not been told: who let us in, and the servers that were in it before. */
export type OmittedMembers = { readonly resident: string; readonly servers: readonly string[] };

/** The endpoint and transaction id of a client's request: the same one has no second effect. */
export type ReplayKey = { readonly deviceNid: number; readonly path: string; readonly txnId: string };

/** One to many events of one room, all or nothing. */
export type PersistRequest = {
  /**
   * An existing room by id, or the version of a room that the first event creates. The events of a room that has been
   * heard of but has no head yet bring the states with them that they follow.
   */
  readonly room: { readonly roomId: string } | { readonly create: RoomVersion };
  readonly events: readonly (DraftEvent | SealedEvent)[];
  readonly replay?: ReplayKey;
  /** Small writes that must be atomic with the events. It may run more than once, always in a new transaction. */
  readonly alongside?: (tx: Tx, result: PersistResult) => Promise<void>;
};

/** What was persisted. Positions are known only after commit and are not told: readers learn them from the stream. */
export type PersistResult = {
  readonly roomId: string;
  readonly roomNid: number;
  readonly eventIds: readonly string[];
  /** Of each event, in the same order. What is drafted is accepted or refused; a sealed event may have any judgement. */
  readonly statuses: readonly EventStatus[];
};

/**
 * Throws `MatrixError`: `M_FORBIDDEN` with the rule's sentence when the auth rules deny, `M_TOO_LARGE`, `M_BAD_JSON`,
 * `M_NOT_FOUND` for a room that is not here, and status 503 when too much is waiting.
 * Resolves after commit. A request that is replayed resolves with the first one's result.
 */
export type PersistEvents = (request: PersistRequest) => Promise<PersistResult>;
