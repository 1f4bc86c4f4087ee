/** Owns completing the rooms that were entered without their members: one process does it, and another goes on if it dies. */
import { backoffMs } from '#core/backoff.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { isRemoteFailure } from '#federation/remote-errors.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { RoomCompletion, type CompletionParts } from '#rooms/partial/complete-room.ts';
import { askInTurn } from '#rooms/partial/ask-in-turn.ts';
import { fetchKnownState, isSmall } from '#rooms/partial/fetch-known-state.ts';
import { fetchWholeState, type FetchParts } from '#rooms/partial/fetch-whole-state.ts';
import { giveUpRoom } from '#rooms/partial/give-up-room.ts';
import type { Lacking } from '#rooms/partial/whole-states.ts';
import { buildToldState, findToldEntries } from '#rooms/persist/told-entries.ts';
import { roomProjections } from '#rooms/projections/room-projections.ts';
import { FairSlots } from '#rooms/receive/gaps/fair-slots.ts';
import { fetchStateBefore } from '#rooms/receive/gaps/fetch-state.ts';
import type { GapParts } from '#rooms/receive/receive-parts.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import { LeaseHolder } from '#storage/lease-holder.ts';
import { findEventPlacesByNids } from '#storage/rooms/find-graph.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';
import { selectStateEvents } from '#storage/rooms/load-view.ts';
import { findAllPartialRooms, type PartialRoom } from '#storage/rooms/partial-rooms.ts';

export type CompleterParts = CompletionParts &
  FetchParts &
  GapParts & {
    readonly clock: Clock;
    readonly logger: Logger;
    /** Says, after the commit, that work was asked for. */
    readonly workWaiting: () => void;
  };

const leaseTimes = { leaseMs: 10_000, renewMs: 3_000 };
/** How often a process looks for rooms to complete, or whether it is its turn to. */
const LOOK_MS = 1_000;
/** In how many rooms at once, and in how many of those that one server let us into: it may leave all of them waiting. */
const slots = { max: 8, perCallerMax: 2 };
/** More wait until some of these are done. */
const ROOMS_MAX = 1_000;
/** Between tries while no server tells the state. */
const retryBackoff = { leastMs: 2_000, mostMs: 3_600_000 };
/** Servers that are asked in one try. */
const SERVERS_MAX = 10;
/** After so long another one is asked beside those that have not answered: a large state takes its time, and some never come. */
const PATIENCE_MS = 15_000;
/** How often in one try events that came meanwhile may need a state that has to be told. */
const ROUNDS_MAX = 5;

export type Completer = AsyncDisposable & {
  /** Looks whether there is something to complete; it does by itself every second. */
  readonly lookNow: () => void;
};

/** A server that reaches no others has nothing to complete. */
export function startCompleter(parts: Omit<CompleterParts, 'projections'>): Completer {
  if (!parts.federation.isEnabled) return { lookNow: () => undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  const completer = new RoomCompleter({ ...parts, projections: roomProjections(parts) });
  return { lookNow: () => completer.lookNow(), [Symbol.asyncDispose]: () => completer[Symbol.asyncDispose]() };
}

type Room = PartialRoom & { readonly known: RoomVersion };

class RoomCompleter implements AsyncDisposable {
  readonly #parts: CompleterParts;
  readonly #lease: LeaseHolder;
  readonly #running = new Map<number, Promise<void>>();
  readonly #slots = new FairSlots(slots);
  /** By room, when it is tried next and how often it has failed. */
  readonly #failed = new Map<number, { readonly failures: number; readonly dueMs: number; readonly joinNid: number }>();
  readonly #stopping = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #look: Promise<void> = Promise.resolve();
  #isLooking = false;

  constructor(parts: CompleterParts) {
    this.#parts = parts;
    this.#lease = new LeaseHolder(parts, { kind: 'partial_rooms', shard: '0' }, leaseTimes);
    this.#timer = setInterval(() => this.lookNow(), LOOK_MS).unref();
    this.lookNow();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#look;
    await Promise.all(this.#running.values());
    await this.#lease.end();
  }

  lookNow(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#look = this.#startSome()
      .catch((error: unknown) => this.#parts.logger.warn({ err: error }, 'rooms to be completed could not be read'))
      .finally(() => {
        this.#isLooking = false;
      });
  }

  async #startSome(): Promise<void> {
    if ((await this.#lease.hold()) === 'no') return;
    const rooms = await findAllPartialRooms(this.#parts.database, ROOMS_MAX);
    const present = new Set(rooms.map(({ roomNid }) => roomNid));
    for (const roomNid of this.#failed.keys()) if (!present.has(roomNid)) this.#failed.delete(roomNid);
    for (const room of rooms) {
      if (this.#stopping.signal.aborted) return;
      if (!room.hasUsers) await giveUpRoom(this.#parts, room);
      else if (this.#isDue(room)) this.#start(room);
    }
  }

  #isDue({ roomNid, joinNid }: PartialRoom): boolean {
    if (this.#running.has(roomNid)) return false;
    const failed = this.#failed.get(roomNid);
    return failed === undefined || failed.joinNid !== joinNid || failed.dueMs <= this.#parts.clock.monotonicMs();
  }

  #start(room: PartialRoom): void {
    const run = this.#slots
      .run(room.resident, () => this.#complete(room))
      .catch((error: unknown) => this.#noteFailure(room, error))
      .finally(() => this.#running.delete(room.roomNid));
    this.#running.set(room.roomNid, run);
  }

  #noteFailure({ roomNid, roomId, joinNid }: PartialRoom, error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const failures = (this.#failed.get(roomNid)?.failures ?? 0) + 1;
    const retryMs = Math.round(backoffMs(failures, retryBackoff));
    this.#failed.set(roomNid, { failures, joinNid, dueMs: this.#parts.clock.monotonicMs() + retryMs });
    this.#parts.logger.warn({ err: error, roomId, retryMs }, 'a room could not be completed and will be tried again');
  }

  async #complete(partial: PartialRoom): Promise<void> {
    const { clock, logger } = this.#parts;
    if (this.#stopping.signal.aborted) return;
    const known = findRoomVersion(partial.version);
    if (known === undefined) throw new Error(`The room ${partial.roomId} has an unknown version.`);
    const room = { ...partial, known };
    const completion = new RoomCompletion(this.#parts, { ...partial, version: known });
    for (let round = 0; round < ROUNDS_MAX; round++) {
      for (let lacking = await completion.states.advance(); lacking.length > 0;) {
        for (const event of lacking)
          completion.states.tell(event.eventNid, await this.#fetchBefore(room, event, completion));
        lacking = await completion.states.advance();
      }
      const outcome = await completion.complete();
      if (outcome === 'lacking') continue;
      this.#failed.delete(room.roomNid);
      const seconds = (clock.now() - room.startedAt) / 1_000;
      if (outcome === 'complete') logger.info({ roomId: room.roomId, seconds }, 'a room is complete');
      this.#parts.workWaiting();
      return;
    }
    throw new Error('Events keep coming whose state has to be told.');
  }

  /** The root of the whole state before an event, as the first of the room's servers tells it that can. */
  async #fetchBefore(room: Room, event: Lacking, { states }: RoomCompletion): Promise<number> {
    const { database, tries } = this.#parts;
    const eventIds = await this.#askServers(room, event);
    const told = await findToldEntries(database, room.roomNid, eventIds);
    const [place] = await findEventPlacesByNids(database, [event.eventNid]);
    const root = place?.stateBefore ?? 0;
    const entries = await tries.entries(database, room.roomNid, root);
    return states.write(await buildToldState(this.#parts, { roomNid: room.roomNid, root, entries }, told));
  }

  async #askServers(room: Room, event: Lacking): Promise<readonly string[]> {
    const { database, isLocal, logger } = this.#parts;
    const names = new Set([room.resident, ...room.servers, ...(await findServersInRoom(database, room.roomNid))]);
    const servers = [...names].filter((name) => !isLocal(name)).slice(0, SERVERS_MAX);
    const ask = async (server: string, signal: AbortSignal): Promise<readonly string[] | undefined> => {
      try {
        return await this.#ask(server, room, event, signal);
      } catch (error) {
        if (!isTheirs(error)) throw error;
        logger.info({ err: error, server, roomId: room.roomId }, 'another server did not tell the state of a room');
        return undefined;
      }
    };
    const state = await askInTurn(servers, ask, { patienceMs: PATIENCE_MS, signal: this.#stopping.signal });
    if (state === undefined) throw new Error(`No server tells the state before ${event.eventId}.`);
    return state;
  }

  async #ask(server: string, room: Room, event: Lacking, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const known = { roomNid: room.roomNid, roomId: room.roomId, version: room.known };
    const asked = { server, room: known, signal };
    if (event.eventNid !== room.joinNid) return fetchStateBefore(this.#parts, asked, event.eventId);
    const join = await this.#requireJoin(room);
    const state =
      server === room.resident && isSmall(room) ? await fetchKnownState(this.#parts, asked, join) : undefined;
    return state ?? fetchWholeState(this.#parts, server, join, signal);
  }

  async #requireJoin({ joinNid, joinId, known }: Room): Promise<ValidatedPdu> {
    const [row] = await this.#parts.database.query(selectStateEvents, [[joinNid]]);
    const verdict = row === undefined ? undefined : validatePdu(row.json, known);
    if (verdict?.ok !== true) throw new Error(`The join ${joinId} is missing.`);
    return verdict.event;
  }
}

/** Another server's fault, or the network's. */
function isTheirs(error: unknown): boolean {
  return isRemoteFailure(error) || error instanceof BadAnswerError;
}
