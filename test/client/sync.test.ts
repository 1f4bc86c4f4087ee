/** Owns the tests of /sync: first and later answers, waiting, and its sections. Specification: "Syncing". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type MatrixHttp } from '#test/support/matrix-http.ts';
import { findState, type ClientEvent, type SyncedRoom } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

function ids(events: readonly ClientEvent[]): string[] {
  return events.map((event) => event.event_id);
}

function limitTo(limit: number) {
  return { room: { timeline: { limit } } };
}

/** The state at the end of a room's section: `state` overlaid with the state events of the timeline. */
function fold(room: SyncedRoom): Map<string, string> {
  const events = [...(room.state ?? []), ...room.timeline].filter((event) => event.state_key !== undefined);
  return new Map(events.map((event) => [`${event.type} ${event.state_key}`, event.event_id]));
}

function byKey(state: readonly ClientEvent[]): Map<string, string> {
  return new Map(state.map((event) => [`${event.type} ${event.state_key}`, event.event_id]));
}

describe('sync', () => {
  const server = useSuiteServer();

  const together = async (): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };

  it('answers the first request with the joined rooms and all of their state', async () => {
    const [roomId, alice, bob] = await together();
    const other = await bob.createRoom({ name: 'His own' });
    for (const limit of [1, 3, 100]) {
      const answer = await bob.sync({ filter: limitTo(limit) });
      assert.deepEqual([...answer.join.keys()].toSorted(), [roomId, other].toSorted());
      for (const [id, room] of answer.join) {
        assert.deepEqual(fold(room), byKey(await bob.getFullState(id)), `state and timeline of limit ${limit}`);
        assert.ok(room.timeline.length <= limit);
        const history = ids(await bob.getHistory(id));
        assert.deepEqual(ids(room.timeline), history.slice(-limit), 'the timeline is the end of the history');
        assert.equal(room.limited, history.length > limit);
      }
    }
    assert.ok(!(await alice.sync()).join.has(other));
  });

  it('gives as state what was at the start of the timeline', async () => {
    const [roomId, alice] = await together();
    const before = await alice.setState(roomId, 'm.room.topic', { topic: 'before' });
    await alice.sendText(roomId, 'between');
    const after = await alice.setState(roomId, 'm.room.topic', { topic: 'after' });
    const room = (await alice.sync({ filter: limitTo(2) })).join.get(roomId);
    assert.equal(findState(room?.state ?? [], 'm.room.topic')?.event_id, before);
    assert.equal(room?.timeline.at(-1)?.event_id, after);
  });

  it('brings later only what is new', async () => {
    const [roomId, alice, bob] = await together();
    const first = await bob.sync();
    const eventId = await alice.sendText(roomId, 'new');
    const second = await bob.sync({ since: first.nextBatch });
    assert.deepEqual([...second.join.keys()], [roomId]);
    const room = second.join.get(roomId);
    assert.deepEqual(ids(room?.timeline ?? []), [eventId]);
    assert.equal(room?.limited, false);
    assert.deepEqual(room?.state ?? [], []);
    const third = await bob.sync({ since: second.nextBatch });
    assert.equal(third.join.size, 0);
    const repeated = await bob.sync({ since: first.nextBatch });
    assert.deepEqual(
      ids(repeated.join.get(roomId)?.timeline ?? []),
      [eventId],
      'an answer that got lost is given again',
    );
  });

  it('answers at once unless asked to wait', async () => {
    const [, alice] = await together();
    const since = (await alice.sync()).nextBatch;
    const start = performance.now();
    assert.equal((await alice.sync({ since })).join.size, 0);
    assert.ok(performance.now() - start < 5_000);
  });

  it('waits for the timeout and answers empty with a token', async () => {
    const [roomId, alice, bob] = await together();
    const since = (await alice.sync()).nextBatch;
    const start = performance.now();
    const empty = await alice.sync({ since, timeout: 400 });
    assert.ok(performance.now() - start >= 350, 'it waited');
    assert.equal(empty.join.size, 0);
    const eventId = await bob.sendText(roomId, 'after the timeout');
    const next = await alice.sync({ since: empty.nextBatch });
    assert.deepEqual(ids(next.join.get(roomId)?.timeline ?? []), [eventId]);
  });

  it('wakes a waiting request for a message, an invitation and a departure', async () => {
    const [roomId, alice, bob] = await together();
    const other = await alice.createRoom();
    let since = (await bob.sync()).nextBatch;
    const deeds: (() => Promise<unknown>)[] = [
      () => alice.sendText(roomId, 'wake up'),
      () => alice.invite(other, bob.userId),
      () => alice.setState(roomId, 'm.room.member', { membership: 'leave' }, bob.userId),
    ];
    const found: string[] = [];
    for (const deed of deeds) {
      const start = performance.now();
      const waiting = bob.sync({ since, timeout: 30_000 });
      // Another request of the same user makes it likely that the first one waits by now.
      await bob.raw('GET', '/account/whoami');
      await deed();
      const answer = await waiting;
      assert.ok(performance.now() - start < 10_000, 'it did not wait for its timeout');
      for (const section of ['join', 'invite', 'leave'] as const) {
        for (const id of answer[section].keys()) found.push(`${section} ${id}`);
      }
      since = answer.nextBatch;
    }
    assert.deepEqual(found, [`join ${roomId}`, `invite ${other}`, `leave ${roomId}`]);
  });

  it('wakes all devices and users that wait', async () => {
    const [roomId, alice, bob] = await together();
    const waiting = await Promise.all(
      [alice, bob, bob].map(async (user) => {
        const since = (await user.sync()).nextBatch;
        return () => user.sync({ since, timeout: 20_000 });
      }),
    );
    const answers = waiting.map((wait) => wait());
    const eventId = await alice.sendText(roomId, 'to all');
    for (const answer of await Promise.all(answers)) {
      assert.deepEqual(ids(answer.join.get(roomId)?.timeline ?? []), [eventId]);
    }
  });

  it('brings the whole room when one has joined it since', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const since = (await bob.sync()).nextBatch;
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Older than his joining' });
    for (let i = 0; i < 30; i += 1) await alice.sendText(roomId, String(i));
    await bob.join(roomId);
    const room = (await bob.sync({ since, filter: limitTo(5) })).join.get(roomId);
    assert.ok(room);
    assert.deepEqual(fold(room), byKey(await bob.getFullState(roomId)));
    assert.ok(room.limited);
    const member = room.timeline.at(-1);
    assert.deepEqual([member?.state_key, member?.content['membership']], [bob.userId, 'join']);
  });

  it('marks the timeline of a room that one has come back to, however short: what is before it may be known or not', async () => {
    const [roomId, alice, bob] = await together();
    await bob.leave(roomId);
    const since = (await bob.sync()).nextBatch;
    await alice.sendText(roomId, 'meanwhile');
    await bob.join(roomId);
    const room = (await bob.sync({ since })).join.get(roomId);
    assert.ok(room?.limited && room.prevBatch !== undefined);
    assert.equal(room.timeline.at(-1)?.content['membership'], 'join');
  });

  it('repeats all state with full_state, and no old timeline', async () => {
    const [roomId, alice, bob] = await together();
    const { nextBatch } = await bob.sync();
    const eventId = await alice.sendText(roomId, 'new');
    const room = (await bob.sync({ since: nextBatch, full_state: true, timeout: 30_000 })).join.get(roomId);
    assert.ok(room);
    assert.deepEqual(ids(room.timeline), [eventId]);
    assert.deepEqual(byKey(room.state ?? []), byKey(await bob.getFullState(roomId)));
  });

  it('shows an invitation with stripped state that has the create event', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const since = (await bob.sync()).nextBatch;
    const roomId = await alice.createRoom({ name: 'Come in', invite: [bob.userId] });
    for (const answer of [await bob.sync({ since }), await bob.sync()]) {
      assert.ok(!answer.join.has(roomId) && !answer.leave.has(roomId));
      const state = answer.invite.get(roomId) ?? [];
      const find = (type: string, key = '') => state.find((one) => one.type === type && one.state_key === key);
      assert.equal(find('m.room.create')?.sender, alice.userId);
      assert.equal(find('m.room.create')?.content['room_version'], '12');
      assert.equal(find('m.room.name')?.content['name'], 'Come in');
      assert.equal(find('m.room.join_rules')?.content['join_rule'], 'invite');
      assert.equal(find('m.room.member', bob.userId)?.content['membership'], 'invite');
      const raw = JSON.stringify(answer.raw);
      assert.ok(!raw.includes('"hashes"') && !raw.includes('"signatures"'), 'stripped events are no PDUs');
    }
    await bob.join(roomId);
    const joined = await bob.sync({ since });
    assert.ok(joined.join.has(roomId) && !joined.invite.has(roomId));
  });

  it('does not show the invited what happens in the room', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ invite: [bob.userId] });
    const { nextBatch } = await bob.sync();
    await alice.sendText(roomId, 'not for Bob');
    const answer = await bob.sync({ since: nextBatch });
    assert.ok(!answer.join.has(roomId));
    assert.ok(!JSON.stringify(answer.raw).includes('not for Bob'));
  });

  it('shows a room that one left up to that moment, once', async () => {
    const [roomId, alice, bob] = await together();
    const { nextBatch } = await bob.sync();
    const last = await alice.sendText(roomId, 'goodbye');
    await bob.leave(roomId);
    await alice.sendText(roomId, 'behind his back');
    const answer = await bob.sync({ since: nextBatch });
    assert.ok(!answer.join.has(roomId));
    const room = answer.leave.get(roomId);
    assert.equal(room?.timeline[0]?.event_id, last);
    const own = room.timeline.at(-1);
    assert.deepEqual([own?.state_key, own?.content['membership']], [bob.userId, 'leave']);
    assert.equal(room.timeline.length, 2);
    const next = await bob.sync({ since: answer.nextBatch });
    assert.ok(!next.leave.has(roomId) && !next.join.has(roomId));
    const fresh = await bob.sync();
    assert.ok(!fresh.leave.has(roomId) && !fresh.join.has(roomId));
    const including = await bob.sync({ filter: { room: { include_leave: true } } });
    assert.ok(including.leave.has(roomId));
    assert.ok(!JSON.stringify(including.raw).includes('behind his back'));
  });

  it('shows a kick, a ban and a rejected invitation as rooms left', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [kicked, banned] = [
      await alice.createRoom({ preset: 'public_chat' }),
      await alice.createRoom({ preset: 'public_chat' }),
    ];
    for (const roomId of [kicked, banned]) await bob.join(roomId);
    const rejected = await alice.createRoom({ invite: [bob.userId] });
    const { nextBatch } = await bob.sync();
    await alice.setState(kicked, 'm.room.member', { membership: 'leave', reason: 'enough' }, bob.userId);
    await alice.setState(banned, 'm.room.member', { membership: 'ban' }, bob.userId);
    await bob.leave(rejected);
    const answer = await bob.sync({ since: nextBatch });
    assert.deepEqual([...answer.leave.keys()].toSorted(), [kicked, banned, rejected].toSorted());
    assert.equal(answer.join.size + answer.invite.size, 0);
    assert.equal(answer.leave.get(kicked)?.timeline.at(-1)?.content['reason'], 'enough');
    assert.equal(answer.leave.get(banned)?.timeline.at(-1)?.content['membership'], 'ban');
  });

  it('counts members in the summary when they change', async () => {
    const [roomId, alice, bob] = await together();
    const first = await alice.sync();
    assert.equal(first.join.get(roomId)?.summary['m.joined_member_count'], 2);
    assert.deepEqual(first.join.get(roomId)?.summary['m.heroes'], [bob.userId]);
    const [carol] = await server.newUsers('carol');
    await alice.invite(roomId, carol.userId);
    const invited = await alice.sync({ since: first.nextBatch });
    assert.equal(invited.join.get(roomId)?.summary['m.invited_member_count'], 1);
    await carol.join(roomId);
    const joined = (await alice.sync({ since: invited.nextBatch })).join.get(roomId);
    assert.equal(joined?.summary['m.joined_member_count'], 3);
    assert.equal(joined?.summary['m.invited_member_count'], 0);
  });

  it('knows a stored filter by its id', async () => {
    const [roomId, alice] = await together();
    const path = `/user/${encode(alice.userId)}/filter`;
    const stored = await alice.raw('POST', path, { body: limitTo(2) });
    assert.equal(stored.status, 200, stored.bodyText);
    const filterId = String(stored.body['filter_id']);
    assert.deepEqual((await alice.raw('GET', `${path}/${encode(filterId)}`)).body, limitTo(2));
    assert.equal((await alice.sync({ filter: filterId })).join.get(roomId)?.timeline.length, 2);
    assertError(await alice.raw('GET', `${path}/no-such-filter`), 404, 'M_NOT_FOUND');
  });

  it('refuses tokens, filters and numbers that make no sense', async () => {
    const [, alice] = await together();
    const queries = [
      { since: 'nonsense' },
      { since: 'x'.repeat(10_000) },
      { since: '-1' },
      { filter: '{' },
      { filter: '{"room":7}' },
      { filter: '{"room":{"timeline":{"limit":"many"}}}' },
      { timeout: 'long' },
      { full_state: 'perhaps' },
    ];
    for (const query of queries) assertError(await alice.raw('GET', '/sync', { query }), 400);
    assertError(await alice.raw('GET', '/sync', { token: 'wrong' }), 401, 'M_UNKNOWN_TOKEN');
  });
});
