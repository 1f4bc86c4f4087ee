/** Proves the rule on which the collection of state nodes rests: whoever gives up a root moves the room's head with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectState } from '#rooms/collection/collect-state.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import type { Database } from '#storage/database.ts';
import { createStateTries } from '#storage/rooms/state-tries.ts';
import { creator, ForeignRoom, friend, membership } from '#test/rooms/foreign-room.ts';
import { importStart, persist, stateOf, topic } from '#test/rooms/room-checks.ts';
import { once } from '#test/rooms/rows-of-rooms.ts';
import { createMigratedDatabase, createRoomParts, trieSecret } from '#test/support/room-parts.ts';

const members = Array.from({ length: 60 }, (_, index) => `@member${index}:far.test`);
const renamed = (userId: string) => ({
  ...membership(userId, userId, 'join'),
  content: { membership: 'join', displayname: 'renamed' },
});

/** Gives up the states before all events but the newest, and old heads, and collects what only those needed. */
async function giveUpStates(database: Database, roomNid: number, movesHead: boolean): Promise<number> {
  await database.transaction(async (tx) => {
    const forget = `update events set state_before = null where room_nid = $1 and room_order < (
      select max(room_order) from events where room_nid = $1)`;
    await tx.query(once(forget), [roomNid]);
    const newest = '(select max(room_seq) from room_heads where room_nid = $1)';
    await tx.query(once(`delete from room_heads where room_nid = $1 and room_seq < ${newest}`), [roomNid]);
    const move = `insert into room_heads select room_nid, room_seq + 1, pos, bump_pos, state_root, extremity_nids, depth,
      last_order, notify_seq, cause from room_heads where room_nid = $1`;
    if (movesHead) await tx.query(once(move), [roomNid]);
  });
  const run = collectState(database, roomNid);
  for (;;) {
    const { done, value } = await run.next();
    if (done === true) return value.removed;
  }
}

/**
 * An event comes that follows an old one. When its writer has found the state after that one, and remembers its nodes, the
 * state is given up and collected; then the writer goes on.
 */
async function writeUponGivenUp(movesHead: boolean) {
  const resources = new AsyncDisposableStack();
  const on = resources.use(await createMigratedDatabase());
  const plain = resources.use(await createRoomParts(on));
  let awaited: string | undefined;
  let removed = 0;
  const database: Database = {
    ...plain.database,
    query: async (statement, values) => {
      const rows = await plain.database.query(statement, values);
      if (awaited !== undefined && JSON.stringify(rows).includes(awaited)) {
        awaited = undefined;
        removed = await giveUpStates(plain.database, plain.facts[0]?.roomNid ?? 0, movesHead);
      }
      return rows;
    },
  };
  const parts = resources.use(
    await createRoomParts(on, { database, committed: ({ facts }) => void plain.facts.push(...facts) }),
  );
  const room = new ForeignRoom('12');
  const start = room.start();
  const chain = [...start];
  const follow = (draft: Parameters<ForeignRoom['add']>[0]): void => {
    chain.push(room.add(draft, chain.slice(-1)));
  };
  for (const userId of members) follow(membership(userId, userId, 'join'));
  follow(topic(creator, 'old'));
  const old = chain.at(-1) ?? '';
  // Every node of the old state is replaced.
  for (const userId of members) follow(renamed(userId));
  await importStart(parts, room, chain);
  const late = room.add(topic(friend, 'late'), [old]);
  awaited = old;
  const written = await persist(parts, room, late).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(removed > 0, 'the old state is gone');
  const roots = await plain.database.query(
    once<{ root: number }>('select state_before as root from events where event_id = $1 and state_before is not null'),
    [late],
  );
  const { roomNid = 0 } = plain.facts[0] ?? {};
  const tries = createStateTries({ nids: plain.nids, secret: trieSecret });
  const readAll = () => Promise.all(roots.map(({ root }) => tries.entries(plain.database, roomNid, root)));
  return {
    written,
    roots,
    readAll,
    stateNow: () => stateOf(plain, room.roomId),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

test('nobody writes upon a state that was given up since they read it, whatever they remember of it', async () => {
  await using outcome = await writeUponGivenUp(true);
  assert.ok(outcome.written instanceof MissingEventsError, String(outcome.written));
  assert.equal(outcome.roots.length, 0);
  assert.ok((await outcome.stateNow()).size > members.length);
});

test('this can fail: had the head not moved, what is written would lead to nodes that are gone', async () => {
  await using outcome = await writeUponGivenUp(false);
  assert.equal(outcome.written, undefined);
  assert.equal(outcome.roots.length, 1);
  await assert.rejects(outcome.readAll(), /State node \d+ of room \d+ is missing/);
});
