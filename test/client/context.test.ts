/** Owns the tests of reading around an event, by time, and the whole view of a room. Specification: "Event context". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, request, type Answer, type MatrixHttp, type Query } from '#test/support/matrix-http.ts';
import { asArray, asObject, readEvent, readEvents, text, type ClientEvent } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('reading a room', () => {
  const server = useSuiteServer();

  const context = (user: MatrixHttp, roomId: string, eventId: string, query: Query = {}): Promise<Answer> =>
    user.raw('GET', `/rooms/${encode(roomId)}/context/${encode(eventId)}`, { query });
  const at = (user: MatrixHttp, roomId: string, ts: number, dir: string): Promise<Answer> =>
    request(server.baseUrl, 'GET', `/_matrix/client/v1/rooms/${encode(roomId)}/timestamp_to_event`, {
      token: user.accessToken,
      query: { ts, dir },
    });
  const bodies = (events: readonly ClientEvent[]): unknown[] => events.map((event) => event.content['body']);
  /** A public room of Alice with the messages 0 to 9. */
  const numbered = async (): Promise<[string, MatrixHttp, MatrixHttp, string[]]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const ids: string[] = [];
    for (let index = 0; index < 10; index += 1) ids.push(await alice.sendText(roomId, String(index)));
    return [roomId, alice, bob, ids];
  };

  it('shows an event among its neighbours, with tokens that lead on from both ends', async () => {
    const [roomId, alice, bob, ids] = await numbered();
    const { body } = await context(bob, roomId, ids[5] ?? '', { limit: 4 });
    assert.equal(readEvent(body['event']).event_id, ids[5]);
    assert.deepEqual(bodies(readEvents(body['events_before'], 'events_before')), ['4', '3']);
    assert.deepEqual(bodies(readEvents(body['events_after'], 'events_after')), ['6', '7']);
    const older = await bob.getMessages(roomId, { dir: 'b', from: text(body, 'start'), limit: 2 });
    assert.deepEqual(bodies(older.chunk), ['2', '1']);
    const newer = await bob.getMessages(roomId, { dir: 'f', from: text(body, 'end'), limit: 5 });
    assert.deepEqual(bodies(newer.chunk), ['8', '9']);
    const state = readEvents(body['state'], 'state');
    assert.ok(state.some((event) => event.type === 'm.room.create'));
    assert.equal(state.filter((event) => event.type === 'm.room.member').length, 2);
    await alice.sendText(roomId, 'later');
  });

  it('gives the event alone for a limit of 0, and by default ten around it', async () => {
    const [roomId, , bob, ids] = await numbered();
    const alone = (await context(bob, roomId, ids[4] ?? '', { limit: 0 })).body;
    assert.deepEqual([alone['events_before'], alone['events_after']], [[], []]);
    assert.equal(readEvent(alone['event']).event_id, ids[4]);
    const usual = (await context(bob, roomId, ids[5] ?? '')).body;
    assert.equal(readEvents(usual['events_before'], 'before').length, 5);
    assert.deepEqual(bodies(readEvents(usual['events_after'], 'after')), ['6', '7', '8', '9']);
    const last = (await context(bob, roomId, ids[9] ?? '')).body;
    const next = await bob.sendText(roomId, 'next');
    const page = await bob.getMessages(roomId, { dir: 'f', from: text(last, 'end') });
    assert.deepEqual(
      page.chunk.map((event) => event.event_id),
      [next],
    );
  });

  it('filters what is around, not the event, and loads members lazily', async () => {
    const [roomId, alice, bob, ids] = await numbered();
    await bob.sendText(roomId, 'by Bob');
    const filter = JSON.stringify({ senders: [bob.userId], types: ['m.room.message', 'm.room.member'] });
    const { body } = await context(bob, roomId, ids[9] ?? '', { filter });
    assert.equal(readEvent(body['event']).event_id, ids[9]);
    assert.deepEqual(bodies(readEvents(body['events_after'], 'after')), ['by Bob']);
    assert.deepEqual(
      readEvents(body['state'], 'state').map((event) => event.state_key),
      [bob.userId],
    );
    const lazy = (await context(bob, roomId, ids[5] ?? '', { limit: 2, filter: '{"lazy_load_members":true}' })).body;
    const members = readEvents(lazy['state'], 'state').filter((event) => event.type === 'm.room.member');
    assert.deepEqual(
      members.map((event) => event.state_key),
      [alice.userId],
    );
    assertError(await context(bob, roomId, ids[5] ?? '', { filter: '{"types":1}' }), 400);
    assertError(await context(bob, roomId, ids[5] ?? '', { filter: 'nonsense' }), 400, 'M_INVALID_PARAM');
  });

  it('tells the state as it was after the last event, not as it is now', async () => {
    const [roomId, alice, bob, ids] = await numbered();
    const named = await alice.setState(roomId, 'm.room.name', { name: 'first' });
    await alice.setState(roomId, 'm.room.name', { name: 'second' });
    const nameIn = ({ body }: Answer): unknown =>
      readEvents(body['state'], 'state').find((event) => event.type === 'm.room.name')?.content['name'];
    assert.equal(nameIn(await context(bob, roomId, ids[2] ?? '', { limit: 2 })), undefined);
    assert.equal(nameIn(await context(bob, roomId, named, { limit: 0 })), 'first');
    assert.equal(nameIn(await context(bob, roomId, named, { limit: 4 })), 'second');
  });

  it('V50: is denied to strangers, and to those who left from there on', async () => {
    const [roomId, alice, bob, ids] = await numbered();
    const [carol] = await server.newUsers('carol');
    await bob.leave(roomId);
    const later = await alice.sendText(roomId, 'later');
    assertError(await context(bob, roomId, later), 404, 'M_NOT_FOUND');
    const seen = (await context(bob, roomId, ids[9] ?? '', { limit: 20 })).body;
    assert.ok(!bodies(readEvents(seen['events_after'], 'after')).includes('later'));
    assertError(await at(bob, roomId, Date.now() + 60_000, 'f'), 404, 'M_NOT_FOUND');
    const newest = (await at(bob, roomId, Date.now() + 60_000, 'b')).body['event_id'];
    assert.notEqual(newest, later);
    assertError(await context(carol, roomId, ids[5] ?? ''), 404, 'M_NOT_FOUND');
    assertError(await at(carol, roomId, 0, 'f'), 403, 'M_FORBIDDEN');
    for (const path of ['members', 'joined_members', 'state', 'aliases', 'initialSync', 'messages?dir=b']) {
      assertError(await carol.raw('GET', `/rooms/${encode(roomId)}/${path}`), 403, 'M_FORBIDDEN');
    }
    assertError(await context(alice, await alice.createRoom(), ids[5] ?? ''), 404, 'M_NOT_FOUND');
  });

  it('jumps to the event nearest to a moment, in either direction', async () => {
    const [roomId, , bob] = await numbered();
    const history = await bob.getHistory(roomId);
    const times = history.map((event) => event.origin_server_ts);
    const [first, last] = [history[0], history.at(-1)];
    assert.ok(first !== undefined && last !== undefined);
    assert.equal((await at(bob, roomId, 0, 'f')).body['event_id'], first.event_id);
    assert.deepEqual((await at(bob, roomId, last.origin_server_ts + 5_000, 'b')).body, {
      event_id: last.event_id,
      origin_server_ts: last.origin_server_ts,
    });
    assertError(await at(bob, roomId, first.origin_server_ts - 1, 'b'), 404, 'M_NOT_FOUND');
    assertError(await at(bob, roomId, last.origin_server_ts + 1, 'f'), 404, 'M_NOT_FOUND');
    const middle = times[Math.floor(times.length / 2)] ?? 0;
    const forward = history.find((event) => event.origin_server_ts >= middle);
    const backward = history.findLast((event) => event.origin_server_ts <= middle);
    assert.equal((await at(bob, roomId, middle, 'f')).body['event_id'], forward?.event_id);
    assert.equal((await at(bob, roomId, middle, 'b')).body['event_id'], backward?.event_id);
    assertError(await at(bob, roomId, 0, 'x'), 400, 'M_INVALID_PARAM');
  });

  it('gives the whole view of a room to those who are in it, were in it, or may peek', async () => {
    const [roomId, alice, bob, ids] = await numbered();
    const path = `/rooms/${encode(roomId)}/initialSync`;
    const { body } = await bob.raw('GET', path);
    assert.deepEqual([body['room_id'], body['membership'], body['visibility']], [roomId, 'join', 'private']);
    const messages = asObject(body['messages'], 'messages');
    const chunk = readEvents(messages['chunk'], 'chunk');
    assert.deepEqual(
      chunk.slice(-10).map((event) => event.event_id),
      ids,
    );
    assert.deepEqual(asArray(body['account_data'], 'account_data'), []);
    assert.ok(readEvents(body['state'], 'state').some((event) => event.type === 'm.room.create'));
    const next = await alice.sendText(roomId, 'next');
    const page = await bob.getMessages(roomId, { dir: 'f', from: text(messages, 'end') });
    assert.equal(page.chunk[0]?.event_id, next);
    await bob.leave(roomId);
    const unseen = await alice.sendText(roomId, 'unseen');
    const left = (await bob.raw('GET', path)).body;
    assert.equal(left['membership'], 'leave');
    const seen = readEvents(asObject(left['messages'], 'messages')['chunk'], 'chunk').map((event) => event.event_id);
    assert.ok(seen.includes(next) && !seen.includes(unseen));
    const [carol] = await server.newUsers('carol');
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' });
    assert.equal((await carol.raw('GET', path)).body['membership'], undefined);
  });

  it('follows one room, also one that is only peeked at, and waits for what happens next', async () => {
    const [roomId, alice, , ids] = await numbered();
    const [carol] = await server.newUsers('carol');
    const follow = (query: Query): Promise<Answer> =>
      carol.raw('GET', '/events', { query: { room_id: roomId, ...query } });
    assertError(await follow({}), 403, 'M_FORBIDDEN');
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' });
    const now = (await follow({})).body;
    assert.deepEqual(now['chunk'], []);
    const waiting = follow({ from: text(now, 'end'), timeout: 20_000 });
    const said = await alice.sendText(roomId, 'now');
    const first = (await waiting).body;
    const told = readEvents(first['chunk'], 'chunk');
    assert.deepEqual(
      told.map((event) => [event.event_id, event.room_id]),
      [[said, roomId]],
    );
    const second = await alice.sendText(roomId, 'then');
    const next = (await follow({ from: text(first, 'end'), timeout: 20_000 })).body;
    assert.deepEqual(
      readEvents(next['chunk'], 'chunk').map((event) => event.event_id),
      [second],
    );
    assert.deepEqual((await follow({ from: text(next, 'end') })).body['chunk'], []);
    assertError(await follow({ from: 'nonsense' }), 400, 'M_INVALID_PARAM');
    const { nextBatch } = await alice.sync();
    const third = await alice.sendText(roomId, 'third');
    const ofSync = await alice.raw('GET', '/events', { query: { room_id: roomId, from: nextBatch, timeout: 20_000 } });
    assert.equal(readEvents(ofSync.body['chunk'], 'chunk')[0]?.event_id, third);
    assert.equal(ids.length, 10);
  });
});
