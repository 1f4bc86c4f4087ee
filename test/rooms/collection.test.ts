/** Proves that every kept state of a room reads as it was while nodes are collected again and again, and that the others' nodes go. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { collectState, type CollectedState } from '#rooms/collection/collect-state.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { creator, ForeignRoom, friend, guest, membership } from '#test/rooms/foreign-room.ts';
import { FlippingRoom } from '#test/rooms/flipping-room.ts';
import { message, sorted, stateOf, topic } from '#test/rooms/room-checks.ts';
import { once } from '#test/rooms/rows-of-rooms.ts';
import { Chance } from '#test/support/chance.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import { chooseSeed, seededNumbers } from '#test/support/seeded.ts';

type Parts = Awaited<ReturnType<typeof createRoomParts>>;

/** The large one takes minutes: set it by hand. */
const isLarge = process.env['CAUSEWAY_TEST_COLLECTION'] === 'large';
const memberCounts = isLarge ? [10, 1_000, 50_000] : [10, 100, 500];
const FLIPS = isLarge ? 100_000 : 1_800;
const FLIPS_OF_REQUEST = isLarge ? 50 : 10;
/** By which each collection goes on while a request is written. */
const STATEMENTS_OF_REQUEST = 8;

async function collect({ database }: Parts, roomNid: number): Promise<CollectedState> {
  const run = collectState(database, roomNid);
  for (;;) {
    const { done, value } = await run.next();
    if (done === true) return value;
  }
}

/** Collections of a room by one process, one after the other without an end, and what came of them. */
class Collecting {
  readonly #parts: Parts;
  readonly #roomNid: number;
  #run: ReturnType<typeof collectState> | undefined;
  runs = 0;
  removed = 0;
  outrun = 0;

  constructor(parts: Parts, roomNid: number) {
    this.#parts = parts;
    this.#roomNid = roomNid;
  }

  /** Goes on by so many statements. */
  async goOn(statements: number): Promise<void> {
    for (let count = 0; count < statements; count++) {
      this.#run ??= collectState(this.#parts.database, this.#roomNid);
      try {
        const { done, value } = await this.#run.next();
        if (done !== true) continue;
        this.removed += value.removed;
        this.runs++;
      } catch (error) {
        // Another collection has removed what this one was about to read.
        if (!(error instanceof Error) || !/state nodes of room \d+ are missing/.test(error.message)) throw error;
        this.outrun++;
      }
      this.#run = undefined;
    }
  }
}

async function countNodes({ database }: Parts, roomNid: number): Promise<number> {
  const count = once<{ count: number }>('select count(*)::int as count from state_nodes where room_nid = $1');
  return (await database.query(count, [roomNid]))[0]?.count ?? 0;
}

test('every kept state reads as it was, while two processes write and both collect', async (t: TestContext) => {
  const seed = chooseSeed();
  t.diagnostic(`CAUSEWAY_TEST_SEED=${seed}`);
  const chance = new Chance(seededNumbers(seed));
  await using on = await createMigratedDatabase();
  await using one = await createRoomParts(on);
  await using other = await createRoomParts(on);
  const rooms = memberCounts.map((count) => new FlippingRoom(chance, count));
  for (const room of rooms) await room.create(one);
  const collecting = rooms.map(({ roomNid }) => [one, other].map((parts) => new Collecting(parts, roomNid)));
  const rounds = isLarge ? 12 : 6;
  const requests = FLIPS / rooms.length / rounds / FLIPS_OF_REQUEST;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      rooms.map(async (room, index) => {
        const own = collecting[index] ?? [];
        const dropping = room.drop(other.database, isLarge ? 8 : 3);
        for (let request = 0; request < requests; request++) {
          const [writer, sender] = request % 2 === 0 ? ([one, other] as const) : ([other, one] as const);
          const flipping = room.flip(writer, sender, FLIPS_OF_REQUEST);
          await Promise.all([flipping, ...own.map((each) => each.goOn(STATEMENTS_OF_REQUEST))]);
        }
        await dropping;
        await room.check(other.database, isLarge ? 500 : 20);
      }),
    );
  }
  for (const [index, room] of rooms.entries()) {
    const own = collecting[index] ?? [];
    const runs = own.reduce((sum, each) => sum + each.runs, 0);
    const removed = own.reduce((sum, each) => sum + each.removed, 0);
    const outrun = own.reduce((sum, each) => sum + each.outrun, 0);
    const checked = await room.check(other.database);
    const members = memberCounts[index];
    t.diagnostic(
      `${members} members: ${room.written.length} state events, ${checked} states kept and read, ${runs} collections, ` +
        `${outrun} outrun, ${removed} nodes removed, ${await countNodes(one, room.roomNid)} left`,
    );
    assert.ok(runs > 1 && removed > 0 && checked > 0 && room.dropped.size > 0);
  }
});

test('nothing that is written between any two of its statements is lost, and all that was given up goes', async () => {
  const chance = new Chance(seededNumbers(5));
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new FlippingRoom(chance, 120);
  await room.create(parts);
  await room.flip(parts, parts, 200);
  let interrupted = 0;
  for (let collections = 0; collections < 6; collections++) {
    await room.drop(parts.database, 4);
    const run = collectState(parts.database, room.roomNid);
    for (let result = await run.next(); result.done !== true; result = await run.next()) {
      await room.flip(parts, parts, 5);
      if (chance.isOneIn(3)) await room.drop(parts.database, 10);
      interrupted++;
    }
    await room.check(parts.database);
  }
  assert.ok(interrupted >= 18, `${interrupted}`);
  // All but the newest are given up: what is left is what those need, and a second look finds nothing.
  await room.drop(parts.database, 1);
  const before = await countNodes(parts, room.roomNid);
  const { found, removed } = await collect(parts, room.roomNid);
  assert.equal(found, before);
  assert.ok(removed > before / 2, `${removed} of ${before}`);
  assert.deepEqual(await collect(parts, room.roomNid), { found: before - removed, removed: 0 });
  await room.check(parts.database);
});

test('a missing node stops a collection before anything is removed', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new FlippingRoom(new Chance(seededNumbers(6)), 120);
  await room.create(parts);
  await room.drop(parts.database, 2);
  const lose = once(
    `delete from state_nodes where node_nid = (select state_root from room_heads where room_nid = $1 order by room_seq desc limit 1)`,
  );
  await parts.database.query(lose, [room.roomNid]);
  const before = await countNodes(parts, room.roomNid);
  await assert.rejects(collect(parts, room.roomNid), /1 state nodes of room \d+ are missing/);
  assert.equal(await countNodes(parts, room.roomNid), before);
});

test('states that were told of unknown events are collected, once what they make together is kept', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  const [one, other] = [friend, guest].map((user) => room.add(membership(user, user, 'join'), start.slice(-1)));
  assert.ok(one !== undefined && other !== undefined);
  const named = room.add(topic(creator, 'named'), [one]);
  const unseen = [room.add(message(friend, 'unseen'), [named]), room.add(message(guest, 'unseen too'), [other])];
  const entry = room.add(message(creator, 'come in'), unseen);
  const events = [...start, one, other, named].map((id) => room.require(id).pdu);
  await persistOutliers(parts, { roomId: room.roomId, version: room.version, events });
  const states = new Map(unseen.map((id) => [id, [...room.require(id).stateAfter.values()]]));
  const sealed = { sealed: room.require(entry).pdu, states };
  const { roomNid } = await parts.persistEvents({ room: { roomId: room.roomId }, events: [sealed] });
  const asked = once<{ kind: string; work_key: string }>('select kind, work_key from work_items');
  assert.deepEqual(await parts.database.query(asked, []), [{ kind: 'state_collection', work_key: room.roomId }]);
  const { found, removed } = await collect(parts, roomNid);
  assert.ok(removed > 0 && removed < found, `${removed} of ${found}`);
  assert.deepEqual(await stateOf(parts, room.roomId), sorted(room.require(entry).stateAfter));
  // What follows one event that is here needs none.
  await parts.database.query(once('delete from work_items'), []);
  const next = room.require(room.add(topic(creator, 'next'), [entry])).pdu;
  await parts.persistEvents({ room: { roomId: room.roomId }, events: [{ sealed: next }] });
  assert.deepEqual(await parts.database.query(asked, []), []);
});
