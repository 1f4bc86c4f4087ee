/** Owns the completion of a room: what was placed by a state without its members is made whole, in one transaction. */
import type { Clock } from '#core/clock.ts';
import { orderStep } from '#rooms/persist/built-events.ts';
import type { Projection } from '#rooms/persist/projection.ts';
import { viewOfState } from '#rooms/persist/room-view.ts';
import { WholeChangesReader, type WholeChanges } from '#rooms/partial/whole-changes.ts';
import { isJudgedAnew, wholeExtremities, wholeRoots } from '#rooms/partial/whole-heads.ts';
import {
  UnsettledError,
  WholeStates,
  type Restated,
  type WholeParts,
  type WholeRoom,
} from '#rooms/partial/whole-states.ts';
import { askForCollection } from '#rooms/collection/ask-for-collection.ts';
import {
  allowLongTransaction,
  persistRejections,
  persistWholeEvents,
  persistWholeHeads,
  persistWholeMemberships,
  takeEventPosition,
  type WholeEvent,
  type WholeHeads,
} from '#storage/rooms/complete-room.ts';
import { findFollowerOrder, findFreeOrder } from '#storage/rooms/find-graph.ts';
import { findJoinedNids } from '#storage/rooms/find-joined-users.ts';
import { findHead } from '#storage/rooms/find-rooms.ts';
import { lockRoom } from '#storage/rooms/load-view.ts';
import { deletePartialRoom } from '#storage/rooms/partial-rooms.ts';
import { findHeadsSince } from '#storage/rooms/whole-states.ts';
import { forgetToldServers } from '#storage/rooms/write-room-servers.ts';
import type { StreamTx } from '#streams/stream-writer.ts';
import type { Streams } from '#streams/streams.ts';

export type CompletionParts = WholeParts & {
  readonly clock: Clock;
  readonly streams: Pick<Streams, 'write'>;
  readonly projections: readonly Projection[];
  readonly isLocal: (id: string) => boolean;
};

/** `lacking`: first the states before these events have to be told; `gone`: it is completed or given up already. */
export type CompletionOutcome = 'complete' | 'lacking' | 'gone';

type Plan = {
  readonly events: readonly WholeEvent[];
  readonly rejected: readonly number[];
  readonly heads: WholeHeads;
  readonly changes: WholeChanges;
  /** Whether the state is another than that of the newest head made whole: clients are to hear of what differs. */
  readonly isNews: boolean;
};

/** One try to complete a room. What has been worked out is kept from one call to the next. */
export class RoomCompletion {
  readonly states: WholeStates;
  readonly #parts: CompletionParts;
  readonly #room: WholeRoom;
  readonly #changes: WholeChangesReader;

  constructor(parts: CompletionParts, room: WholeRoom) {
    this.#parts = parts;
    this.#room = room;
    this.states = new WholeStates(parts, room);
    this.#changes = new WholeChangesReader(parts, room.version);
  }

  /**
   * Works everything out without the room's lock, then takes it, works out what has come meanwhile, and writes. Whoever writes
   * to the room at that time finds another head, and begins anew.
   */
  async complete(): Promise<CompletionOutcome> {
    if (await this.#isLacking()) return 'lacking';
    return this.#parts.streams
      .write('completions', async (tx) => {
        await allowLongTransaction(tx);
        await tx.query(lockRoom, [this.#room.roomNid]);
        if (!(await deletePartialRoom(tx, this.#room.roomNid, this.#room.joinNid))) return 'gone';
        const plan = await this.#plan();
        if (plan === undefined) throw new LackingError();
        await this.#write(tx, plan);
        return 'complete';
      })
      .catch((error: unknown) => {
        // The row is there still: what the transaction did was taken back.
        if (error instanceof LackingError) return 'lacking';
        throw error;
      });
  }

  async #isLacking(): Promise<boolean> {
    try {
      return (await this.#plan()) === undefined;
    } catch (error) {
      // Something has come while it looked: it looks again when it has the lock.
      if (error instanceof UnsettledError) return false;
      throw error;
    }
  }

  /** Undefined while the state before an event is not known. */
  async #plan(): Promise<Plan | undefined> {
    const { database } = this.#parts;
    const { roomNid, joinNid } = this.#room;
    if ((await this.states.advance()).length > 0) return undefined;
    const head = await findHead(database, roomNid);
    const since = await findHeadsSince(database, roomNid, joinNid);
    const newest = since.at(-1);
    if (head === undefined || newest === undefined) throw new Error(`The room ${this.#room.roomId} has no heads.`);
    const { restated } = this.states;
    const roots = await wholeRoots(this.states, since);
    const extremityNids = isJudgedAnew(restated.values())
      ? wholeExtremities(restated, newest.extremityNids)
      : newest.extremityNids;
    const root = await this.states.stateAfterAll(extremityNids);
    const { events, lastOrder } = await this.#placed(head.lastOrder);
    const heads = { roomNid, roomSeq: newest.roomSeq, roots, root, extremityNids, lastOrder };
    const changes = await this.#changes.read(viewOfState(this.#room, root), newest.root, restated.values());
    const rejected = [...restated.values()].filter(
      ({ event, status }) => event.status === 'accepted' && status !== 'accepted',
    );
    return {
      events,
      rejected: rejected.map(({ event }) => event.eventNid),
      heads,
      changes,
      isNews: root !== roots.at(-1)?.root || changes.memberships.length > 0,
    };
  }

  /** What is accepted only now gets its place below what follows it, and above all else if nothing does. */
  async #placed(lastOrder: number): Promise<{ readonly events: WholeEvent[]; readonly lastOrder: number }> {
    const { database } = this.#parts;
    const restated = [...this.states.restated.values()];
    const orders = new Map<number, number>();
    const isAcceptedNow = ({ event, status }: Restated): boolean =>
      status === 'accepted' && event.status !== 'accepted';
    const unfollowed: number[] = [];
    for (const { event } of restated.filter(isAcceptedNow).toReversed()) {
      const followers = restated.filter((other) => other.event.prevNids.includes(event.eventNid));
      const above = [
        await findFollowerOrder(database, event.eventNid),
        ...followers.map((follower) => orders.get(follower.event.eventNid)),
      ].filter((order) => order !== undefined);
      if (above.length === 0) unfollowed.push(event.eventNid);
      else orders.set(event.eventNid, await findFreeOrder(database, this.#room.roomNid, Math.min(...above)));
    }
    let last = lastOrder;
    for (const eventNid of unfollowed.toReversed()) orders.set(eventNid, (last += orderStep));
    const events = restated.map(({ event, root, status, historyVisibility }) => {
      return { eventNid: event.eventNid, root, status, historyVisibility, roomOrder: orders.get(event.eventNid) };
    });
    return { events, lastOrder: last };
  }

  async #write(tx: StreamTx, { events, rejected, heads, changes, isNews }: Plan): Promise<void> {
    const { clock, projections } = this.#parts;
    const { roomNid } = this.#room;
    await persistWholeEvents(tx, events);
    await persistRejections(tx, rejected);
    const view = viewOfState(this.#room, heads.root);
    // Which redactions count depends on which events do; and servers of whom nobody knew have not heard of our users' devices.
    const isRebuilt = ({ name }: Projection): boolean =>
      name === 'shared_devices' || (name === 'redactions' && isJudgedAnew(this.states.restated.values()));
    for (const projection of projections) {
      const concerned = changes.events.filter((event) => projection.concerns(event));
      if (concerned.length > 0) await projection.apply(tx, concerned);
    }
    for (const projection of projections) {
      if (isRebuilt(projection)) await projection.rebuild?.(tx, view);
    }
    await tx.query(forgetToldServers, [roomNid]);
    await askForCollection(tx, this.#room, clock.now());
    const joined = await findJoinedNids(tx, roomNid);
    const told = new Set([...joined, ...changes.memberships.map(({ userNid }) => userNid)]);
    const { changedKeys } = changes;
    tx.add({ completedRooms: Array.from(told, (userNid) => ({ userNid, roomNid, changedKeys })) });
    // Last, since a position is taken under the stream's lock.
    const pos = isNews ? await takeEventPosition(tx) : undefined;
    await persistWholeHeads(tx, heads, pos);
    if (pos !== undefined) await persistWholeMemberships(tx, roomNid, pos, changes.memberships);
  }
}

/** An event has come whose state nobody has told yet. */
class LackingError extends Error {}
