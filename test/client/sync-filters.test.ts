/** Owns the tests of what a filter makes of a sync. Specification: Client-Server API, "Filtering". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, type ClientEvent, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { sectionOf } from '#test/support/sync-sections.ts';

const bodies = (events: readonly ClientEvent[] = []): unknown[] => events.map((event) => event.content['body']);
const membersIn = (events: readonly ClientEvent[] = []): unknown[] =>
  events.filter((event) => event.type === 'm.room.member').map((event) => event.state_key);

describe('sync filters', () => {
  const server = useSuiteServer();

  const together = async (): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };
  /** An initial sync reads the table, an incremental one memory: both must obey. */
  const both = async (user: MatrixHttp, since: string, filter: JsonObject) => [
    await user.sync({ filter }),
    await user.sync({ since, filter }),
  ];

  it('choose events with a URL, or without', async () => {
    const [roomId, alice, bob] = await together();
    const since = (await bob.sync()).nextBatch;
    await alice.sendText(roomId, 'words');
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.image', body: 'picture', url: 'mxc://x/y' });
    const regretted = { msgtype: 'm.image', body: 'regretted', url: 'mxc://x/z' };
    await alice.redact(roomId, await alice.send(roomId, 'm.room.message', regretted));
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'odd', url: 5 });
    for (const [contains, expected] of [
      [true, ['picture', 'odd']],
      [false, ['words', undefined]],
    ] as const) {
      const filter = { room: { timeline: { types: ['m.room.message'], contains_url: contains } } };
      for (const answer of await both(bob, since, filter)) {
        assert.deepEqual(bodies(answer.join.get(roomId)?.timeline), expected, String(contains));
      }
    }
  });

  it('fill the timeline of whoever ignores the last who wrote with what others wrote', async () => {
    const [roomId, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    await carol.join(roomId);
    const since = (await bob.sync()).nextBatch;
    for (const body of ['1', '2']) await alice.sendText(roomId, body);
    await bob.sendText(roomId, '3');
    for (const body of ['4', '5', '6']) await carol.sendText(roomId, body);
    const path = `/user/${encode(bob.userId)}/account_data/m.ignored_user_list`;
    await bob.raw('PUT', path, {
      body: { ignored_users: { [carol.userId]: {}, [bob.userId]: {}, '@odd\0:hs1.test': {} } },
    });
    for (const answer of await both(bob, since, { room: { timeline: { limit: 2 } } })) {
      assert.deepEqual(bodies(answer.join.get(roomId)?.timeline), ['2', '3']);
    }
  });

  it('take types that no event has for what they are', async () => {
    const [roomId, alice, bob] = await together();
    const since = (await bob.sync()).nextBatch;
    await alice.sendText(roomId, 'words');
    const timeline = { types: ['m.room.message', 'a\0b'], not_types: ['\0*'] };
    for (const answer of await both(bob, since, { room: { timeline } })) {
      assert.deepEqual(bodies(answer.join.get(roomId)?.timeline), ['words']);
    }
  });

  it('leave of each event the fields that are asked for', async () => {
    const [roomId, alice, bob] = await together();
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'words', 'a.b': { c: 1, d: 2 } });
    const filter = {
      event_fields: ['content.body', String.raw`content.a\.b.c`, 'type'],
      room: { timeline: { limit: 1 } },
    };
    const { body } = await bob.raw('GET', '/sync', { query: { filter: JSON.stringify(filter) } });
    const room = asObject(asObject(asObject(body['rooms'], 'rooms')['join'], 'join')[roomId], roomId);
    const timeline = asObject(room['timeline'], 'timeline');
    assert.deepEqual(timeline['events'], [{ content: { body: 'words', 'a.b': { c: 1 } }, type: 'm.room.message' }]);
    const [first] = asArray(asObject(room['state'], 'state')['events'], 'events');
    assert.equal(asObject(first, 'event')['event_id'], undefined);
  });

  it('give events as servers exchange them', async () => {
    const [roomId, alice, bob] = await together();
    const since = (await bob.sync()).nextBatch;
    await alice.sendText(roomId, 'words');
    for (const from of [undefined, since]) {
      const query = { filter: JSON.stringify({ event_format: 'federation' }), since: from };
      const { body } = await bob.raw('GET', '/sync', { query });
      const room = asObject(asObject(asObject(body['rooms'], 'rooms')['join'], 'join')[roomId], roomId);
      const event = asObject(asArray(asObject(room['timeline'], 'timeline')['events'], 'events').at(-1), 'event');
      for (const key of ['auth_events', 'prev_events', 'depth', 'hashes', 'signatures', 'room_id']) {
        assert.ok(event[key] !== undefined, key);
      }
      assert.equal(asObject(event['content'], 'content')['body'], 'words');
    }
  });

  it('do not take who reads and types for the sender of what tells it', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'words');
    const receipt = `/rooms/${encode(roomId)}/receipt/m.read/${encode(eventId)}`;
    await bob.raw('POST', receipt, { body: {} });
    const typing = `/rooms/${encode(roomId)}/typing/${encode(bob.userId)}`;
    await bob.raw('PUT', typing, { body: { typing: true, timeout: 30_000 } });
    const told = async (ephemeral: JsonObject): Promise<string[]> => {
      const room = (await alice.sync({ filter: { room: { ephemeral } } })).join.get(roomId);
      return sectionOf(room?.raw, 'ephemeral').map(({ type }) => type);
    };
    assert.deepEqual(await told({ not_senders: [alice.userId, bob.userId] }), ['m.receipt', 'm.typing']);
    assert.deepEqual(await told({ senders: [alice.userId, bob.userId] }), []);
    assert.deepEqual(await told({ types: ['m.t*'] }), ['m.typing']);
    assert.deepEqual(await told({ not_rooms: [roomId] }), []);
  });

  it('are refused when they are none, given with the request or stored', async () => {
    const [alice] = await server.newUsers('alice');
    for (const filter of [
      { room: { timeline: { senders: ['alice'] } } },
      { room: { timeline: { not_senders: ['@alice'] } } },
      { room: { rooms: ['#not:a.room'] } },
      { room: { state: { not_rooms: ['room'] } } },
      { event_format: 'odd' },
      { event_fields: 'content' },
      { room: { timeline: { limit: 'many' } } },
      { room: [] },
    ]) {
      const answer = await alice.raw('GET', '/sync', { query: { filter: JSON.stringify(filter) } });
      assertError(answer, 400);
    }
    const path = `/user/${encode(alice.userId)}/filter`;
    assertError(await alice.raw('POST', path, { body: { room: { timeline: { senders: ['alice'] } } } }), 400);
  });

  it('do not repeat the members that a device has been told, unless they are asked to', async () => {
    const [roomId, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    // A room with a name has no heroes, who would be told of at once.
    await alice.setState(roomId, 'm.room.name', { name: 'Kitchen' });
    await carol.join(roomId);
    const lazy = (redundant: boolean): JsonObject => ({
      room: { state: { lazy_load_members: true, include_redundant_members: redundant }, timeline: { limit: 1 } },
    });
    const first = await bob.sync({ filter: lazy(false) });
    await alice.sendText(roomId, 'one');
    const second = await bob.sync({ since: first.nextBatch, filter: lazy(false) });
    assert.deepEqual(membersIn(second.join.get(roomId)?.state), [alice.userId]);
    const again = await bob.sync({ since: first.nextBatch, filter: lazy(false) });
    assert.deepEqual(membersIn(again.join.get(roomId)?.state), [alice.userId], 'an answer may have been lost');
    await alice.sendText(roomId, 'two');
    const third = await bob.sync({ since: second.nextBatch, filter: lazy(false) });
    assert.deepEqual(membersIn(third.join.get(roomId)?.state), []);
    const redundant = await bob.sync({ since: second.nextBatch, filter: lazy(true) });
    assert.deepEqual(membersIn(redundant.join.get(roomId)?.state), [alice.userId]);
    await alice.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Alicia' }, alice.userId);
    await carol.sendText(roomId, 'three');
    const fourth = await bob.sync({ since: third.nextBatch, filter: lazy(false) });
    assert.ok(fourth.join.get(roomId)?.limited);
    const told = membersIn(fourth.join.get(roomId)?.state);
    assert.deepEqual(told, [alice.userId], 'what changed in the gap is told, and who is known is not');
    const anew = await bob.sync({ filter: lazy(false) });
    assert.ok(membersIn(anew.join.get(roomId)?.state).includes(carol.userId));
  });

  it('know the state after the timeline by its unstable name too', async () => {
    const [roomId, , bob] = await together();
    const query = { 'org.matrix.msc4222.use_state_after': true };
    const { body } = await bob.raw('GET', '/sync', { query });
    const room = asObject(asObject(asObject(body['rooms'], 'rooms')['join'], 'join')[roomId], roomId);
    assert.equal(room['state'], undefined);
    assert.ok(asArray(asObject(room['org.matrix.msc4222.state_after'], 'state_after')['events'], 'events').length > 0);
    const versions = await bob.raw('GET', '/../versions');
    assert.equal(asObject(versions.body['unstable_features'], 'unstable_features')['org.matrix.msc4222'], true);
  });

  it('name a room after whoever is left when those it was named after are gone', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const names = Array.from({ length: 8 }, (_, i) => `hero${i}`);
    const users = await server.newUsers(...names);
    for (const user of users) await user.join(roomId);
    const heroesNow = async (): Promise<unknown> => (await alice.sync()).join.get(roomId)?.summary['m.heroes'];
    const ids = users.map((user) => user.userId);
    assert.deepEqual(await heroesNow(), ids.slice(0, 5));
    const since = (await alice.sync()).nextBatch;
    for (const user of users.slice(0, 6)) await user.leave(roomId);
    const room = (await alice.sync({ since })).join.get(roomId);
    assert.deepEqual(room?.summary['m.heroes'], ids.slice(6));
    assert.equal(room?.summary['m.joined_member_count'], 3);
    for (const user of users.slice(6)) await user.leave(roomId);
    const last = (await alice.sync()).join.get(roomId)?.summary;
    assert.equal(last?.['m.joined_member_count'], 1);
    assert.deepEqual(last['m.heroes'], ids.slice(0, 5), 'those who were there');
  });
});
