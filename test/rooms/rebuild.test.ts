/** Proves that what is derived from a room's events, made anew, is what the events one by one had made of it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { serverNameOf } from '#matrix/ids.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { rebuildRoom } from '#rooms/rebuild-room.ts';
import { statement } from '#storage/database.ts';
import { creator, ForeignRoom, friend, guest, membership, type ForeignDraft } from '#test/rooms/foreign-room.ts';
import { feed, grow } from '#test/rooms/random-history.ts';
import { importStart, message, statusOf, topic, type Parts } from '#test/rooms/room-checks.ts';
import { Chance } from '#test/support/chance.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import { registerUser } from '#test/support/matrix-http.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import { startServerProcess, testServerName } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const run = promisify(execFile);

type Derived = {
  readonly summary: string;
  readonly snapshots: string;
  readonly redactions: string;
  readonly servers: string;
  readonly remote: string | null;
};
// Heroes are kept in the order in which they came, which their newest events do not tell.
const selectDerived = statement<Derived>(
  'test_select_derived',
  `select
     (select row_to_json(s)::jsonb || jsonb_build_object('hero_nids', array(select unnest(s.hero_nids) order by 1))
      from room_summary s where room_nid = $1)::text as summary,
     (select json_agg(s order by user_nid) from stripped_snapshots s where room_nid = $1)::text as snapshots,
     (select json_agg(r order by target_event_id, redaction_nid) from redactions r where room_nid = $1)::text as redactions,
     (select json_agg(s order by server_name) from room_servers s where room_nid = $1)::text as servers,
     (select json_agg(user_id order by user_id) from remote_members where room_nid = $1)::text as remote`,
);

async function derived(parts: Parts): Promise<Derived> {
  const [row] = await parts.database.query(selectDerived, [parts.facts[0]?.roomNid]);
  assert.ok(row);
  return row;
}

/** Redactions of random events, by people who may and who may not. */
function redactSome(room: ForeignRoom, chance: Chance, made: readonly string[], tips: readonly string[]): string[] {
  const stranger = '@stranger:else.test';
  const ids = [room.add(membership(stranger, stranger, 'join'), tips)];
  for (const target of chance.shuffle(made).slice(0, 6)) {
    const draft: ForeignDraft = {
      type: 'm.room.redaction',
      sender: chance.pick([creator, stranger]),
      content: { redacts: target },
    };
    ids.push(room.add(draft, ids.slice(-1)));
  }
  return ids;
}

for (const version of ['11', '12']) {
  test(`version ${version}: rebuilding a room changes nothing, forks, redactions and invitations included`, async () => {
    const reached = { snapshots: 0, redactions: 0, topics: 0, servers: 0, remote: 0 };
    for (let seed = 1; seed <= 6; seed++) {
      const chance = new Chance(seededNumbers(seed * 101 + Number(version)));
      const room = new ForeignRoom(version);
      const start = room.start();
      const made = grow(room, chance, start.at(-1) ?? '', 20);
      const followed = new Set(made.flatMap((id) => room.require(id).prevIds));
      const tips = made.filter((id) => !followed.has(id)).slice(-10);
      const redactions = redactSome(room, chance, made, tips);
      const invited = room.add(membership(creator, '@late:far.test', 'invite'), redactions.slice(-1));
      await using on = await createMigratedDatabase();
      // All of the other server's users are ours here, so that their memberships and invitations are kept.
      await using parts = await createRoomParts(on, { isLocal: (id) => serverNameOf(id) === 'far.test' });
      await importStart(parts, room, start);
      await feed(parts, room, [...chance.shuffle([...made, ...redactions]), invited]);
      const before = await derived(parts);
      await rebuildRoom(parts, room.roomId);
      assert.deepEqual(await derived(parts), before, `seed ${seed}`);
      reached.snapshots += Number(before.snapshots !== null);
      reached.redactions += Number(before.redactions.includes('true') && before.redactions.includes('false'));
      reached.servers += Number(before.servers.includes('else.test') && !before.servers.includes('"joined":3'));
      reached.remote += Number(before.remote?.includes('@stranger:else.test') ?? false);
      reached.topics += Number(before.summary.includes('"topic": "'));
    }
    for (const [what, count] of Object.entries(reached)) assert.ok(count > 0, `${what}: ${count}`);
  });
}

test('what is derived when a large room is entered at once is what a rebuild makes of it', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const ids = room.start();
  // Of three servers, more than are worked on in one piece; the name comes in the middle.
  for (let index = 0; index < 1_100; index++) {
    const userId = `@member${index}:${index % 3 === 0 ? 'far' : index % 3 === 1 ? 'near' : 'else'}.test`;
    ids.push(room.add(membership(userId, userId, index % 11 === 0 ? 'leave' : 'join'), ids.slice(-1)));
    if (index === 500) ids.push(room.add(topic(creator, 'in the middle'), ids.slice(-1)));
  }
  const me = '@me:hs1.test';
  const [last = ''] = ids.slice(-1);
  const join = room.require(room.add(membership(me, me, 'join'), [last]));
  const events = ids.map((id) => room.require(id).pdu);
  await persistOutliers(parts, { roomId: room.roomId, version: room.version, events });
  const states = new Map([[last, [...join.stateBefore.values()]]]);
  const request = { room: { roomId: room.roomId }, events: [{ sealed: join.pdu, states, entersRoom: true as const }] };
  assert.deepEqual((await parts.persistEvents(request)).statuses, ['accepted']);
  // Which of so many are heroes is left open.
  const withoutHeroes = async (): Promise<Derived> => {
    const { summary, ...others } = await derived(parts);
    return { ...others, summary: summary.replace(/"hero_nids": \[[^\]]*\], /, '') };
  };
  const before = await withoutHeroes();
  const joined = 3 + 1_000 + 1;
  assert.match(
    before.summary,
    new RegExp(
      `"topic": "in the middle".*"joined_count": ${joined}|"joined_count": ${joined}.*"topic": "in the middle"`,
    ),
  );
  assert.equal(before.remote?.split(',').length, joined - 1);
  await rebuildRoom(parts, room.roomId);
  assert.deepEqual(await withoutHeroes(), before);
  // What was not remembered of the state is read again.
  const next = room.add(message('@member1:near.test', 'hello'), [join.pdu.eventId]);
  assert.equal(await statusOf(parts, room, next), 'accepted');
});

test('a rebuild mends what was damaged, and refuses a room that is not here', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  await importStart(parts, room, start);
  await feed(parts, room, [
    room.add(topic(friend, 'named'), start.slice(-1)),
    room.add(message(guest, 'x'), start.slice(-1)),
  ]);
  const before = await derived(parts);
  await parts.database.query(damage, []);
  await parts.database.query(damageServers, []);
  assert.notDeepEqual(await derived(parts), before);
  await rebuildRoom(parts, room.roomId);
  assert.deepEqual(await derived(parts), before);
  await assert.rejects(rebuildRoom(parts, '!nowhere:far.test'), /no events of that room/);
});

const damage = statement<unknown>('test_damage_summary', `update room_summary set topic = 'wrong', joined_count = 99`);
const damageServers = statement<unknown>('test_damage_servers', `update room_servers set server_name = 'gone.test'`);

test('an operator rebuilds a room beside the running server, and clients see what is right', async () => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url });
  await using parts = await createRoomParts(database);
  const alice = await registerUser(server.baseUrl);
  const roomId = await alice.createRoom({ name: 'Named' });
  await parts.database.query(damage, []);
  const members = async (): Promise<unknown> =>
    (await alice.sync()).join.get(roomId)?.summary?.['m.joined_member_count'];
  assert.equal(await members(), 99);
  const env = { ...process.env, CAUSEWAY_DATABASE_URL: database.url, CAUSEWAY_SERVER_NAME: testServerName };
  const rebuild = (room: string) => run(process.execPath, ['src/bin.js', 'rebuild-room', room], { env });
  assert.equal((await rebuild(roomId)).stdout, `Rebuilt ${roomId}.\n`);
  assert.equal(await members(), 1);
  await assert.rejects(rebuild('!nowhere:hs1.test'), /no events of that room/);
});
