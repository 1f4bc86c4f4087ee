/** Owns the tests of PUT /send. Specification: "Sending events to a room", "Transaction identifiers", "Size limits". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  assertError,
  encode,
  logIn,
  openSession,
  testPassword,
  uniqueName,
  type Answer,
  type MatrixHttp,
} from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const hello = { msgtype: 'm.text', body: 'Hello' };

describe('send', () => {
  const server = useSuiteServer();

  const sendPath = (roomId: string, txnId: string = uniqueName('t'), type = 'm.room.message'): string =>
    `/rooms/${encode(roomId)}/send/${encode(type)}/${encode(txnId)}`;
  const put = (user: MatrixHttp, roomId: string, body: unknown, type?: string): Promise<Answer> =>
    user.raw('PUT', sendPath(roomId, undefined, type), { body });
  const putRaw = (user: MatrixHttp, roomId: string, rawBody: string | Uint8Array<ArrayBuffer>): Promise<Answer> =>
    user.raw('PUT', sendPath(roomId, undefined, 'org.example.raw'), { rawBody });
  const aloneInRoom = async (): Promise<[MatrixHttp, string]> => {
    const [alice] = await server.newUsers('alice');
    return [alice, await alice.createRoom()];
  };
  const countMessages = async (user: MatrixHttp, roomId: string): Promise<number> =>
    (await user.getHistory(roomId)).filter((event) => event.state_key === undefined).length;

  it('appends the event as it was given', async () => {
    const [alice, roomId] = await aloneInRoom();
    const content = {
      ...hello,
      'org.example.nested': { list: [1, -1, null, true, { deep: '🦆' }], empty: {}, '': 'empty key' },
      'org.example.big': Number.MAX_SAFE_INTEGER,
      'org.example.nul': 'a\u0000b',
      ünïcode: 'é\u2028\u{10ffff}',
    };
    const before = Date.now();
    const eventId = await alice.send(roomId, 'm.room.message', content);
    const event = (await alice.getHistory(roomId)).at(-1);
    assert.equal(event?.event_id, eventId);
    assert.deepEqual(event.content, content);
    assert.deepEqual([event.type, event.sender, event.room_id], ['m.room.message', alice.userId, roomId]);
    assert.equal(event.state_key, undefined);
    assert.ok(Math.abs(event.origin_server_ts - before) < 60_000);
  });

  it('keeps types that it does not know', async () => {
    const [alice, roomId] = await aloneInRoom();
    const eventId = await alice.send(roomId, 'org.example/with slash & ünïcode', { any: 'thing' });
    const event = (await alice.getHistory(roomId)).at(-1);
    assert.deepEqual([event?.event_id, event?.type], [eventId, 'org.example/with slash & ünïcode']);
  });

  it('makes one event of a transaction id, however often it is sent', async () => {
    const [alice, roomId] = await aloneInRoom();
    const first = await alice.sendText(roomId, 'once', 'txn-1');
    assert.equal(await alice.sendText(roomId, 'once', 'txn-1'), first);
    assert.equal(await alice.sendText(roomId, 'another text', 'txn-1'), first, 'the first request decides');
    const messages = (await alice.getHistory(roomId)).filter((event) => event.type === 'm.room.message');
    assert.deepEqual(
      messages.map((event) => [event.event_id, event.content['body']]),
      [[first, 'once']],
    );
  });

  it('makes one event of fifty requests at the same time', async () => {
    const [alice, roomId] = await aloneInRoom();
    const path = sendPath(roomId, 'concurrent');
    const answers = await Promise.all(Array.from({ length: 50 }, () => alice.raw('PUT', path, { body: hello })));
    const ids = answers.map((answer) => (answer.status === 200 ? text(answer.body, 'event_id') : answer.bodyText));
    assert.equal(new Set(ids).size, 1, [...new Set(ids)].join('\n'));
    assert.deepEqual(
      (await alice.getHistory(roomId)).filter((one) => one.state_key === undefined).map((one) => one.event_id),
      [ids[0]],
    );
  });

  it('tells devices, rooms, types and users with the same transaction id apart', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const [one, two] = [await alice.createRoom({ preset: 'public_chat' }), await alice.createRoom()];
    await bob.join(one);
    const otherDevice = await logIn(server.baseUrl, alice.userId);
    const ids = [
      await alice.sendText(one, 'a', 'same'),
      await otherDevice.sendText(one, 'b', 'same'),
      await bob.sendText(one, 'c', 'same'),
      await alice.sendText(two, 'd', 'same'),
      await alice.send(one, 'org.example.other', {}, 'same'),
    ];
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(await countMessages(alice, one), 4);
    assert.equal(await countMessages(alice, two), 1);
  });

  it('knows a transaction again after the same device has logged in anew', async () => {
    const [alice, roomId] = await aloneInRoom();
    const first = await alice.sendText(roomId, 'before', 'kept');
    const body = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: alice.userId },
      password: testPassword,
      device_id: alice.deviceId,
    };
    const token = text((await alice.raw('POST', '/login', { body })).body, 'access_token');
    const returned = openSession(server.baseUrl, { ...alice, accessToken: token });
    assert.equal(await returned.sendText(roomId, 'after', 'kept'), first);
    assert.equal(await countMessages(returned, roomId), 1);
    assertError(await alice.raw('PUT', sendPath(roomId, 'kept'), { body: hello }), 401, 'M_UNKNOWN_TOKEN');
  });

  it('shows the transaction id to the device that sent it and to no other', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const otherDevice = await logIn(server.baseUrl, alice.userId);
    const eventId = await alice.sendText(roomId, 'mine', 'my-txn');
    const seenBy = async (user: MatrixHttp): Promise<unknown> => {
      const timeline = (await user.sync()).join.get(roomId)?.timeline ?? [];
      const event = timeline.find((one) => one.event_id === eventId);
      assert.ok(event);
      return event.unsigned['transaction_id'];
    };
    assert.equal(await seenBy(alice), 'my-txn');
    assert.equal(await seenBy(otherDevice), undefined);
    assert.equal(await seenBy(bob), undefined);
  });

  it('keeps the order in which one sender was answered', async () => {
    const [alice, roomId] = await aloneInRoom();
    const ids: string[] = [];
    for (let i = 0; i < 30; i += 1) ids.push(await alice.sendText(roomId, String(i)));
    const history = (await alice.getHistory(roomId)).filter((event) => event.type === 'm.room.message');
    assert.deepEqual(
      history.map((event) => event.event_id),
      ids,
    );
  });

  it('refuses a message without msgtype or without a body of text', async () => {
    const [alice, roomId] = await aloneInRoom();
    for (const body of [
      { body: 'x' },
      { msgtype: 'm.text' },
      { msgtype: 'm.text', body: 7 },
      { msgtype: 7, body: 'x' },
    ]) {
      assertError(await put(alice, roomId, body), 400);
    }
    assert.equal(await countMessages(alice, roomId), 0);
  });

  it('refuses what is not JSON, or not an object', async () => {
    const [alice, roomId] = await aloneInRoom();
    for (const rawBody of ['', '{', '{"a":1,}', "{'a':1}", '{"a":NaN}', 'nonsense']) {
      assertError(await putRaw(alice, roomId, rawBody), 400, 'M_NOT_JSON');
    }
    assertError(
      await putRaw(alice, roomId, new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
      400,
      'M_NOT_JSON',
    );
    for (const rawBody of ['[]', '"text"', '7', 'null']) {
      assertError(await putRaw(alice, roomId, rawBody), 400, 'M_BAD_JSON');
    }
    assert.equal(await countMessages(alice, roomId), 0);
  });

  for (const number of ['1.5', '1.0', '1e2', '-0', '9007199254740992', '-9007199254740992', '1e999']) {
    it(`refuses the number ${number}, which canonical JSON cannot hold`, async () => {
      const [alice, roomId] = await aloneInRoom();
      assertError(await putRaw(alice, roomId, `{"nested":[{"n":${number}}]}`), 400, 'M_BAD_JSON');
      assert.equal(await countMessages(alice, roomId), 0);
    });
  }

  it('refuses lone surrogates, which have no form in UTF-8, and keys that occur twice', async () => {
    const [alice, roomId] = await aloneInRoom();
    for (const rawBody of [String.raw`{"a":"\ud800"}`, String.raw`{"\udc00":1}`, '{"a":1,"a":2}']) {
      assertError(await putRaw(alice, roomId, rawBody), 400, 'M_BAD_JSON', 'M_NOT_JSON');
    }
    assert.equal(await countMessages(alice, roomId), 0);
  });

  it('refuses nesting that no honest event has, and stays alive', async () => {
    const [alice, roomId] = await aloneInRoom();
    const depth = 30_000;
    assertError(await putRaw(alice, roomId, `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`), 400);
    assert.equal(await countMessages(alice, roomId), 0);
  });

  it('keeps keys that are names of JavaScript as plain data', async () => {
    const [alice, roomId] = await aloneInRoom();
    const rawBody = '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"7":"seven"}';
    assert.equal((await putRaw(alice, roomId, rawBody)).status, 200);
    const event = (await alice.getHistory(roomId)).at(-1);
    assert.deepEqual(Object.keys(event?.content ?? {}).toSorted(), ['7', '__proto__', 'constructor']);
  });

  it('takes an event just under the limit and refuses one over it', async () => {
    const [alice, roomId] = await aloneInRoom();
    const eventId = await alice.sendText(roomId, 'x'.repeat(60_000));
    assert.equal((await alice.getHistory(roomId)).at(-1)?.event_id, eventId);
    for (const body of ['x'.repeat(65_536), 'é'.repeat(33_000), 'x'.repeat(2_000_000)]) {
      assertError(await put(alice, roomId, { msgtype: 'm.text', body }), 413, 'M_TOO_LARGE');
    }
    assert.equal(await countMessages(alice, roomId), 1);
  });

  it('measures the type in bytes', async () => {
    const [alice, roomId] = await aloneInRoom();
    assert.equal((await put(alice, roomId, {}, 'é'.repeat(127) + 'x')).status, 200);
    for (const type of ['x'.repeat(256), 'é'.repeat(128)]) {
      assertError(await put(alice, roomId, {}, type), 413, 'M_TOO_LARGE');
    }
    assert.equal(await countMessages(alice, roomId), 1);
  });

  it('forbids what the power levels forbid', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      power_level_content_override: {
        events_default: 10,
        events: { 'org.example.open': 0, 'm.room.power_levels': 100 },
      },
    });
    await bob.join(roomId);
    assertError(await put(bob, roomId, hello), 403, 'M_FORBIDDEN');
    assert.equal((await put(bob, roomId, {}, 'org.example.open')).status, 200);
    assert.equal((await put(alice, roomId, hello)).status, 200);
    assert.equal(await countMessages(bob, roomId), 2);
  });

  it('needs a token', async () => {
    const [alice, roomId] = await aloneInRoom();
    const answer = await alice.raw('PUT', sendPath(roomId), { body: hello, token: 'wrong' });
    assertError(answer, 401, 'M_UNKNOWN_TOKEN');
    assert.equal(await countMessages(alice, roomId), 0);
  });
});
