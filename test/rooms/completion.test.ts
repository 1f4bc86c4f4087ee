/** Proves that a room entered without its members, and completed, is the room that it would have been with them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { giveUpRoom } from '#rooms/partial/give-up-room.ts';
import { loadRoomView } from '#rooms/persist/room-view.ts';
import { rebuildRoom } from '#rooms/rebuild-room.ts';
import { statement } from '#storage/database.ts';
import { statusOfCode } from '#storage/rooms/event-status.ts';
import { findEventPlacesByNids } from '#storage/rooms/find-graph.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';
import { findAllPartialRooms } from '#storage/rooms/partial-rooms.ts';
import { creator, ForeignRoom, friend, guest, membership } from '#test/rooms/foreign-room.ts';
import { completeAll, enterBy, feedIn } from '#test/rooms/partial-entry.ts';
import { grow } from '#test/rooms/random-history.ts';
import { extremitiesOf, sorted, stateOf, topic, type Parts } from '#test/rooms/room-checks.ts';
import { Chance } from '#test/support/chance.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import { joinedKey } from '#test/vectors/state-resolution/resolvable.ts';
import { seededNumbers } from '#test/support/seeded.ts';

const SEEDS = 8;
const ours = '@ours:hs1.test';
const liar = '@liar:far.test';
const others = ['@banned:hs1.test', '@invited:hs1.test', '@gone:hs1.test'] as const;

type StoredRow = {
  event_id: string;
  status: number;
  state_before: number | null;
  state_partial: boolean;
  history_visibility: number;
};
const selectStored = statement<StoredRow>(
  'test_select_stored',
  `select event_id, status, state_before, state_partial, history_visibility from events
   where event_id = any($1::text[]) order by event_id`,
);
const selectHeads = statement<{ root: number; extremities: string[] }>(
  'test_select_heads',
  `select h.state_root as root, array(select event_id from events where event_nid = any(h.extremity_nids)) as extremities
   from room_heads h where room_nid = $1 order by room_seq`,
);
// Heroes are kept in the order in which they came.
const selectDerived = statement<Record<string, unknown>>(
  'test_select_derived_of_partial',
  `select
     (select to_jsonb(s) - 'room_nid' || jsonb_build_object('hero_nids',
        array(select user_id from users where user_nid = any(s.hero_nids) order by 1))
      from room_summary s where room_nid = $1) as summary,
     (select jsonb_agg(to_jsonb(r) - 'room_nid' - 'redaction_nid' - 'uncensored_since' order by target_event_id)
      from redactions r where room_nid = $1) as redactions,
     (select jsonb_agg(to_jsonb(s) - 'room_nid' order by server_name) from room_servers s where room_nid = $1) as servers,
     (select jsonb_agg(user_id order by user_id) from remote_members where room_nid = $1) as remote,
     (select jsonb_agg(jsonb_build_array(user_id, membership) order by user_id)
      from user_rooms join users using (user_nid) where room_nid = $1) as own,
     (select count(*)::int from partial_rooms) as partial`,
);

async function requireRoomNid(parts: Parts, roomId: string): Promise<number> {
  const view = await loadRoomView(parts.database, roomId);
  assert.ok(view);
  return view.roomNid;
}

async function idsIn(parts: Parts, roomNid: number, root: number): Promise<string[]> {
  const entries = await parts.tries.entries(parts.database, roomNid, root);
  const places = await findEventPlacesByNids(
    parts.database,
    entries.map(([, nid]) => nid),
  );
  return places.map(({ eventId }) => eventId).toSorted();
}

type Seen = {
  readonly status: string;
  readonly before: readonly string[];
  readonly isPartial: boolean;
  readonly visibility: number;
};

/** What of the room must not depend on how it was entered. */
async function look(parts: Parts, room: ForeignRoom, eventIds: readonly string[]) {
  const roomNid = await requireRoomNid(parts, room.roomId);
  const rows = await parts.database.query(selectStored, [eventIds]);
  const events = new Map<string, Seen>();
  for (const row of rows) {
    const before = await idsIn(parts, roomNid, row.state_before ?? 0);
    const { state_partial: isPartial, history_visibility: visibility } = row;
    events.set(row.event_id, { status: statusOfCode(row.status), before, isPartial, visibility });
  }
  const [derived] = await parts.database.query(selectDerived, [roomNid]);
  return {
    state: await stateOf(parts, room.roomId),
    extremities: await extremitiesOf(parts, room.roomId),
    events,
    derived,
  };
}

/** A room with members who are in it, who were put out, and who are expected, some of them of other servers and of ours. */
type Before = { readonly room: ForeignRoom; readonly liarJoin: string; readonly joinId: string };

function roomBefore(version: string, chance: Chance): Before {
  const room = new ForeignRoom(version);
  let tips = room.start().slice(-1);
  const then = (draft: Parameters<ForeignRoom['add']>[0]): void => void (tips = [room.add(draft, tips)]);
  for (let n = 0; n < 5; n++) then(membership(`@m${n}:far.test`, `@m${n}:far.test`, 'join'));
  then(membership('@one:else.test', '@one:else.test', 'join'));
  then(membership('@one:third.test', '@one:third.test', 'join'));
  then(membership(creator, others[0], 'ban'));
  then(membership(creator, others[1], 'invite'));
  then(membership(others[2], others[2], 'join'));
  then(membership(others[2], others[2], 'leave'));
  const made = grow(room, chance, tips[0] ?? '', 15);
  const followed = new Set(made.flatMap((id) => room.require(id).prevIds));
  const ends = made.filter((id) => !followed.has(id)).slice(-10);
  // Whatever the history has made of it, we may come in.
  tips = [
    room.add(
      { type: 'm.room.join_rules', sender: creator, stateKey: '', content: { join_rule: 'public' } },
      ends.length === 0 ? tips : ends,
    ),
  ];
  const own = room.version.privilegedCreators ? {} : { [creator]: 100 };
  then({
    type: 'm.room.power_levels',
    sender: creator,
    stateKey: '',
    content: { users: { ...own, [friend]: 50, [liar]: 90 } },
  });
  then(membership(liar, liar, 'join'));
  const [liarJoin = ''] = tips;
  then(membership(creator, liar, 'ban'));
  return { room, liarJoin, joinId: room.add(membership(ours, ours, 'join'), tips) };
}

/**
 * What comes after the join. With lies: somebody who was banned before it goes on as if they were in the room, which nobody
 * who does not know of the ban can tell; others follow, and hold to the truth.
 */
function growAfter({ room, liarJoin, joinId }: Before, chance: Chance, hasLies: boolean): string[] {
  if (!hasLies) return grow(room, chance, joinId, 24);
  const first = grow(room, chance, joinId, 2);
  const [create = '', power = ''] = ['m.room.create', 'm.room.power_levels'].map(
    (type) => room.require(joinId).stateBefore.get(joinedKey(type, '')) ?? '',
  );
  const authEvents = room.version.roomIdIsCreateHash ? [power, liarJoin] : [create, power, liarJoin];
  const users = { ...(room.version.privilegedCreators ? {} : { [creator]: 100 }), [guest]: 80, [liar]: 90 };
  const said = room.add({ ...topic(liar, 'I am here'), authEvents }, [joinId]);
  const power2 = { type: 'm.room.power_levels', sender: liar, stateKey: '', content: { users }, authEvents };
  const taken = room.add(power2, [chance.pick([joinId, said])]);
  // By the lie the friend has no power any more, and the guest has some.
  const byFriend = room.add(topic(friend, 'still mine'), [taken]);
  const citing = [
    taken,
    ...room.require(byFriend).pdu.pdu.auth_events.flatMap((id) => (typeof id === 'string' ? id : [])),
  ];
  const byGuest = room.add(
    {
      ...topic(guest, 'mine now'),
      authEvents: citing.filter((id) => id !== power && room.require(id).pdu.pdu.sender !== friend),
    },
    [taken],
  );
  return [...first, said, taken, byFriend, byGuest, ...grow(room, chance, chance.pick([taken, byFriend, byGuest]), 16)];
}

/** The state at every head since the join is what the room's own rules make of its extremities: nobody is told of members late. */
async function assertHeads(parts: Parts, room: ForeignRoom): Promise<void> {
  const roomNid = await requireRoomNid(parts, room.roomId);
  for (const { root, extremities } of await parts.database.query(selectHeads, [roomNid])) {
    const expected = [...room.stateAfterAll(extremities).values()].toSorted();
    assert.deepEqual(await idsIn(parts, roomNid, root), expected);
  }
}

type Looked = Awaited<ReturnType<typeof look>>;

const withStatus = ({ events }: Looked, status: string): string[] =>
  [...events].filter(([, event]) => event.status === status).map(([id]) => id);

/** Soft failure is a judgement of the moment of arrival, which is another one; for descendants it makes no difference. */
function withoutMoment({ events }: Looked): Map<string, Seen> {
  const judged = ({ status, ...event }: Seen): Seen => ({
    ...event,
    status: status === 'soft_failed' ? 'accepted' : status,
  });
  return new Map([...events].map(([id, event]) => [id, judged(event)]));
}

for (const version of ['6', '11', '12']) {
  test(`version ${version}: completed it is the room that it would be had it been entered whole, whatever came meanwhile`, async () => {
    const reached = { same: 0, restated: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const chance = new Chance(seededNumbers(seed * 131 + Number(version)));
      const before = roomBefore(version, chance);
      const { room, joinId } = before;
      const made = growAfter(before, chance, seed % 2 === 0);
      const arrival = chance.shuffle(made);
      const kept = chance.shuffle([creator, friend, guest]).slice(0, chance.between(0, 2));
      const ids = [joinId, ...made];

      await using on = await createMigratedDatabase();
      await using beside = await createMigratedDatabase();
      await using whole = await createRoomParts(on);
      await enterBy(whole, room, joinId);
      assert.deepEqual(await feedIn(whole, room, arrival), []);
      const expected = await look(whole, room, ids);

      await using parts = await createRoomParts(beside);
      await enterBy(parts, room, joinId, (userId) => kept.includes(userId));
      const during = chance.between(0, arrival.length);
      const late = await feedIn(parts, room, arrival.slice(0, during));
      const provisional = await look(parts, room, ids);
      assert.equal(await completeAll(parts, room), 'complete');
      assert.deepEqual(await feedIn(parts, room, [...late, ...arrival.slice(during)]), []);
      const found = await look(parts, room, ids);

      assert.deepEqual(withoutMoment(found), withoutMoment(expected), `seed ${seed}`);
      const [then, now] = [expected, found].map((each) => withStatus(each, 'soft_failed'));
      if (isDeepStrictEqual(then, now)) {
        assert.deepEqual(found, expected, `seed ${seed}`);
        reached.same++;
      }
      for (const [id, event] of found.events) {
        assert.deepEqual(event.before, [...room.require(id).stateBefore.values()].toSorted(), `seed ${seed}`);
        if (isOther(provisional.events.get(id)?.status, event.status)) reached.restated++;
      }
      await assertHeads(parts, room);
      await rebuildRoom(parts, room.roomId);
      assert.deepEqual(await look(parts, room, ids), found, `seed ${seed}: rebuilt`);
    }
    assert.ok(reached.same >= SEEDS - 2, `the same to the last in ${reached.same} of ${SEEDS}`);
    assert.ok(reached.restated > 0, 'no event was judged otherwise');
  });
}

const isOther = (then: string | undefined, now: string): boolean =>
  then !== undefined && then !== 'outlier' && then !== 'missing' && then !== now;

test('a completion that breaks off leaves the room as it was, and another process completes it; of two at once one does', async () => {
  const chance = new Chance(seededNumbers(7));
  const before = roomBefore('11', chance);
  const { room, joinId } = before;
  const made = growAfter(before, chance, true);
  const ids = [joinId, ...made];
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  await enterBy(parts, room, joinId, () => false);
  const late = await feedIn(parts, room, made);
  assert.deepEqual(late, []);
  const provisional = await look(parts, room, ids);
  for (let passing = 0; passing < parts.projections.length; passing++) {
    // In the middle of the transaction that completes the room.
    const broken = { name: 'broken', concerns: () => true, apply: () => Promise.reject(new Error('it broke off')) };
    const projections = parts.projections.toSpliced(passing, 0, broken);
    await assert.rejects(completeAll(parts, room, projections), /it broke off/);
    assert.deepEqual(await look(parts, room, ids), provisional);
  }
  await using other = await createRoomParts(on);
  const outcomes = await Promise.all([completeAll(parts, room), completeAll(other, room)]);
  assert.deepEqual(outcomes.toSorted(), ['complete', 'gone']);
  const found = await look(other, room, ids);
  for (const [id, event] of found.events) {
    assert.deepEqual(event.before, [...room.require(id).stateBefore.values()].toSorted());
    assert.equal(event.isPartial, false);
  }
  assert.deepEqual(found.state, sorted(room.stateAfterAll(found.extremities)));
  // What this process remembers of the room is what it was before: whoever writes finds that out.
  const next = room.add(membership(creator, guest, 'ban'), found.extremities);
  assert.deepEqual(await feedIn(parts, room, [next]), []);
  assert.deepEqual(await stateOf(parts, room.roomId), sorted(room.require(next).stateAfter));
});

test('a room that nobody here is in any more is given up, and entered anew it is completed by its new join', async () => {
  const chance = new Chance(seededNumbers(11));
  const { room, joinId } = roomBefore('11', chance);
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  await enterBy(parts, room, joinId, () => false);
  const [partial] = await findAllPartialRooms(parts.database, 1);
  assert.ok(partial);
  await giveUpRoom(parts, partial);
  assert.equal((await findAllPartialRooms(parts.database, 1)).length, 1, 'somebody is in it');
  const left = room.add(membership(ours, ours, 'leave'), [joinId]);
  assert.deepEqual(await feedIn(parts, room, [left]), []);
  await giveUpRoom(parts, partial);
  assert.deepEqual(await findAllPartialRooms(parts.database, 1), []);
  const servers = await findServersInRoom(parts.database, partial.roomNid);
  assert.deepEqual(servers.toSorted(), ['else.test', 'far.test'], 'those to ask when somebody comes back');

  const unseen = room.add(topic(creator, 'meanwhile'), [left]);
  const again = room.add(membership(ours, ours, 'join'), [unseen]);
  await enterBy(parts, room, again, () => false);
  assert.equal(await completeAll(parts, room), 'complete');
  assert.deepEqual(await stateOf(parts, room.roomId), sorted(room.require(again).stateAfter));
  const after = await findServersInRoom(parts.database, partial.roomNid);
  assert.deepEqual(after.toSorted(), ['else.test', 'far.test', 'hs1.test', 'third.test']);
});
