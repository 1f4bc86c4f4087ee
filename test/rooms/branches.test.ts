/** Proves that events on old heads and forks are judged where they stand, and that all orders of arrival end in one state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { statement } from '#storage/database.ts';
import { statusOfCode } from '#storage/rooms/event-status.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import { creator, ForeignRoom, friend, guest, membership, type ForeignDraft } from '#test/rooms/foreign-room.ts';
import { feed, grow } from '#test/rooms/random-history.ts';
import { Chance } from '#test/support/chance.ts';
import { joinedKey } from '#test/vectors/state-resolution/resolvable.ts';
import {
  extremitiesOf,
  importStart,
  message,
  persist,
  sorted,
  stateOf,
  statusOf,
  topic,
  type Parts,
} from '#test/rooms/room-checks.ts';

const selectVerdicts = statement<{ valid: boolean | null }>(
  'test_select_redaction_verdicts',
  'select valid from redactions where target_event_id = any($1::text[]) order by redaction_nid',
);
const selectStatuses = statement<{ event_id: string; status: number }>(
  'test_select_statuses',
  'select event_id, status from events where event_id = any($1::text[])',
);
const byId = ([left]: readonly [string, string], [right]: readonly [string, string]): number => (left < right ? -1 : 1);

for (const version of ['6', '11', '12']) {
  test(`version ${version}: a fork becomes two extremities, and their states are resolved into the room's`, async () => {
    await using on = await createMigratedDatabase();
    await using parts = await createRoomParts(on);
    const room = new ForeignRoom(version);
    const start = room.start();
    await importStart(parts, room, start);
    const base = start.slice(-1);
    const left = room.add(topic(creator, 'left'), base);
    const right = room.add(topic(friend, 'right'), base);
    assert.equal(await statusOf(parts, room, left), 'accepted');
    assert.equal(await statusOf(parts, room, right), 'accepted');
    assert.deepEqual(await extremitiesOf(parts, room.roomId), [left, right].toSorted());
    assert.deepEqual(await stateOf(parts, room.roomId), sorted(room.stateAfterAll([left, right])));
    const fact = parts.facts.at(-1);
    assert.equal(fact?.eventId, right);
    assert.ok(fact.fork !== undefined && fact.fork.rootAfter !== fact.stateBefore);

    // What is drafted here follows both.
    const own = { sender: creator, type: 'm.room.message', content: { msgtype: 'm.text', body: 'merged' } };
    const { eventIds } = await parts.persistEvents({ room: { roomId: room.roomId }, events: [own] });
    assert.deepEqual(await extremitiesOf(parts, room.roomId), eventIds);
    const merged = parts.facts.at(-1);
    assert.equal(merged?.fork, undefined);
  });
}

test('an event is rejected by its own auth events, or by the state before it, and stays in the graph', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const start = room.start();
  await importStart(parts, room, start);
  const [create = '', , power = '', , friendJoin = '', guestJoin = ''] = start;
  const forbidden = room.add(topic(guest, 'not mine'), [guestJoin]);
  assert.equal(await statusOf(parts, room, forbidden), 'rejected_by_auth');
  const demotion = room.add(
    { type: 'm.room.power_levels', sender: creator, stateKey: '', content: { users: { [creator]: 100 } } },
    [guestJoin],
  );
  assert.equal(await statusOf(parts, room, demotion), 'accepted');
  // It cites the power levels that still let the friend, but follows those that do not.
  const late = room.add({ ...topic(friend, 'too late'), authEvents: [create, power, friendJoin] }, [demotion]);
  assert.equal(await statusOf(parts, room, late), 'rejected_by_state');
  assert.deepEqual(await extremitiesOf(parts, room.roomId), [demotion]);
  // A rejected event may be followed, and changes nothing; one that is cited spoils what cites it.
  const after = room.add(message(creator, 'goes on'), [late]);
  assert.equal(await statusOf(parts, room, after), 'accepted');
  const spoiled = room.add({ ...message(creator, 'spoiled'), authEvents: [create, power, forbidden] }, [after]);
  assert.equal(await statusOf(parts, room, spoiled), 'rejected_by_auth');
  assert.equal((await stateOf(parts, room.roomId)).get(joinedKey('m.room.topic', '')), undefined);
  const facts = parts.facts.map(({ eventId }) => eventId);
  assert.deepEqual(facts.slice(start.length), [demotion, after]);
});

test('what the current state forbids is soft-failed: no extremity, no fact, but a branch that can be followed', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const start = room.start();
  await importStart(parts, room, start);
  const [guestJoin = ''] = start.slice(-1);
  const ban = room.add(membership(creator, guest, 'ban'), [guestJoin]);
  assert.equal(await statusOf(parts, room, ban), 'accepted');
  const evasion = room.add(message(guest, 'from before the ban'), [guestJoin]);
  assert.equal(await statusOf(parts, room, evasion), 'soft_failed');
  assert.deepEqual(await extremitiesOf(parts, room.roomId), [ban]);
  assert.equal(parts.facts.at(-1)?.eventId, ban);
  const merge = room.add(message(creator, 'follows both'), [ban, evasion]);
  assert.equal(await statusOf(parts, room, merge), 'accepted');
  assert.deepEqual(await extremitiesOf(parts, room.roomId), [merge]);
  // The same event again is no second one.
  assert.equal(await statusOf(parts, room, evasion), 'soft_failed');
  assert.equal(await statusOf(parts, room, merge), 'accepted');
});

test('an event whose predecessor is not here is refused with its name, and accepted when that has come', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  await importStart(parts, room, start);
  const first = room.add(topic(creator, 'first'), start.slice(-1));
  const second = room.add(message(friend, 'second'), [first]);
  await assert.rejects(persist(parts, room, second), (error: unknown) => {
    assert.ok(error instanceof MissingEventsError);
    assert.deepEqual(error.eventIds, [first]);
    return true;
  });
  // Both at once, in the wrong order of nothing: the second waits for the first to be written.
  const results = await Promise.all([persist(parts, room, first), persist(parts, room, second)]);
  assert.deepEqual(
    results.flatMap(({ statuses }) => statuses),
    ['accepted', 'accepted'],
  );
});

for (const version of ['9', '11', '12']) {
  test(`version ${version}: whatever the order of arrival, the state is the one that the text gives`, async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const chance = new Chance(seededNumbers(seed * 31 + Number(version)));
      const room = new ForeignRoom(version);
      const start = room.start();
      const made = grow(room, chance, start.at(-1) ?? '', 24);
      const followed = new Set(made.flatMap((id) => room.require(id).prevIds));
      const tips = made.filter((id) => !followed.has(id)).slice(-19);
      const end = room.add(message(creator, 'the end'), tips);
      const verdicts: Map<string, string>[] = [];
      for (let order = 0; order < 3; order++) {
        await using on = await createMigratedDatabase();
        await using parts = await createRoomParts(on);
        await importStart(parts, room, start);
        const statuses = await feed(parts, room, [...chance.shuffle(made), end]);
        assert.equal(statuses.get(end), 'accepted', `seed ${seed}, order ${order}`);
        assert.deepEqual(
          await stateOf(parts, room.roomId),
          sorted(room.require(end).stateAfter),
          `seed ${seed}, order ${order}`,
        );
        verdicts.push(new Map([...statuses].map(([id, status]) => [id, status.replace('soft_failed', 'accepted')])));
      }
      for (const verdict of verdicts) {
        for (const id of made) {
          const isAccepted = verdict.get(id) === 'accepted';
          assert.equal(isAccepted, room.require(id).isAllowed, `seed ${seed}: ${id} is ${verdict.get(id)}`);
        }
      }
    }
  });
}

test('a redaction that comes before its target is judged when that comes, by the power before the redaction', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const start = room.start();
  await importStart(parts, room, start);
  const stranger = '@stranger:else.test';
  const base = [room.add(membership(stranger, stranger, 'join'), start.slice(-1))];
  assert.equal(await statusOf(parts, room, base[0] ?? ''), 'accepted');
  const [mine, theirs] = [room.add(message(stranger, 'mine'), base), room.add(message(creator, 'theirs'), base)];
  const redact = (target: string): ForeignDraft => ({
    type: 'm.room.redaction',
    sender: stranger,
    content: { redacts: target },
  });
  const redactions = [room.add(redact(mine), base), room.add(redact(theirs), base)];
  for (const id of redactions) assert.equal(await statusOf(parts, room, id), 'accepted');
  const verdicts = async (): Promise<(boolean | null)[]> =>
    (await parts.database.query(selectVerdicts, [[mine, theirs]])).map(({ valid }) => valid);
  assert.deepEqual(await verdicts(), [null, null]);
  assert.equal(await statusOf(parts, room, mine), 'accepted');
  assert.equal(await statusOf(parts, room, theirs), 'accepted');
  assert.deepEqual(await verdicts(), [true, false]);
});

test('two processes that are handed the same events at once, each in its own order, end in one state', async () => {
  const chance = new Chance(seededNumbers(77));
  const room = new ForeignRoom('12');
  const start = room.start();
  const made = grow(room, chance, start.at(-1) ?? '', 30);
  const followed = new Set(made.flatMap((id) => room.require(id).prevIds));
  const tips = made.filter((id) => !followed.has(id)).slice(-19);
  const end = room.add(message(creator, 'the end'), tips);
  await using on = await createMigratedDatabase();
  await using one = await createRoomParts(on);
  await using other = await createRoomParts(on);
  await importStart(one, room, start);
  const drafts = async (parts: Parts, count: number): Promise<void> => {
    const event = { sender: creator, type: 'm.room.message', content: { msgtype: 'm.text', body: 'between' } };
    for (let sent = 0; sent < count; sent++) {
      await parts.persistEvents({ room: { roomId: room.roomId }, events: [event] });
    }
  };
  const [first, second] = await Promise.all([
    feed(one, room, chance.shuffle(made)),
    feed(other, room, chance.shuffle(made)),
    drafts(one, 10),
    drafts(other, 10),
  ]);
  assert.deepEqual([...first].toSorted(byId), [...second].toSorted(byId), 'an event has one judgement');
  const rows = await one.database.query(selectStatuses, [made]);
  assert.equal(rows.length, made.length);
  for (const { event_id: id, status } of rows) assert.equal(first.get(id), statusOfCode(status));
  // Facts of both together are every accepted event once, with positions that nobody else has.
  const facts = [...one.facts, ...other.facts];
  const accepted = [...first.values()].filter((status) => status === 'accepted').length;
  assert.equal(facts.length, start.length + accepted + 20);
  assert.equal(new Set(facts.map(({ pos }) => pos)).size, facts.length);
  assert.equal(await statusOf(other, room, end), 'accepted');
});
