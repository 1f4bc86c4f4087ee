/**
 * Proves that a lost answer of the database does no harm: the connection breaks after a COMMIT was carried out and before
 * its answer has come, and whoever repeats the request gets the first outcome, written once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeDeviceKeys, makeOneTimeKeys } from '#test/encryption/test-keys.ts';
import { startCuttingProxy, type CuttingProxy } from '#test/reliability/cutting-proxy.ts';
import { connect, type SqlClient } from '#test/reliability/own-postgres.ts';
import { encode, logIn, registerUser, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';
import { sectionOf } from '#test/support/sync-sections.ts';

type Wire = AsyncDisposable & {
  readonly baseUrl: string;
  readonly sql: SqlClient;
  readonly proxy: CuttingProxy;
  readonly alice: MatrixHttp;
};

async function openWire(): Promise<Wire> {
  const resources = new AsyncDisposableStack();
  const database = resources.use(await createTestDatabase());
  const proxy = resources.use(await startCuttingProxy(database.connection));
  const { baseUrl } = resources.use(await startServerProcess({ databaseUrl: proxy.url }));
  const sql = resources.use(await connect(database.connection));
  const alice = await registerUser(baseUrl, uniqueName('alice'));
  return { baseUrl, sql, proxy, alice, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

type Request = { readonly method: string; readonly path: string; readonly body: JsonObject };

const triesMax = 50;

/** Makes the request as a client does: again while it is told to come again, and never after another answer. */
async function persist(user: MatrixHttp, { method, path, body }: Request): Promise<Answer> {
  for (let tries = 0; tries < triesMax; tries++) {
    const answer = await user.raw(method, path, { body });
    if (answer.status === 200) return answer;
    assert.equal(answer.status, 503, answer.bodyText);
    assert.ok(answer.headers.has('retry-after'), 'a 503 says when to come again');
  }
  throw new Error(`${method} ${path} was never answered 200.`);
}

/** The same, with the wire cut while it is carried out for the first time. */
async function persistOverCutWire(wire: Wire, user: MatrixHttp, marker: string, request: Request): Promise<Answer> {
  const before = wire.proxy.cuts();
  wire.proxy.cutCommitOf(marker);
  const answer = await persist(user, request);
  assert.equal(wire.proxy.cuts(), before + 1, 'the connection was cut once');
  return answer;
}

function messageTo(roomId: string, txnId: string, body: string): Request {
  const path = `/rooms/${encode(roomId)}/send/m.room.message/${encode(txnId)}`;
  return { method: 'PUT', path, body: { msgtype: 'm.text', body } };
}

test('R6: a message and a state event whose answers are lost are there once, and repeated requests name them', async () => {
  await using wire = await openWire();
  const { alice } = wire;
  const roomId = await alice.createRoom();
  for (const marker of ['cut-first', 'cut-second', 'cut-third']) {
    const message = messageTo(roomId, marker, marker);
    const first = text((await persistOverCutWire(wire, alice, marker, message)).body, 'event_id');
    assert.equal(text((await persist(alice, message)).body, 'event_id'), first);
    const history = await alice.getHistory(roomId);
    const written = history.filter(({ content }) => content['body'] === marker);
    assert.deepEqual(
      written.map(({ event_id }) => event_id),
      [first],
    );
  }
  const topic = { method: 'PUT', path: `/rooms/${encode(roomId)}/state/m.room.topic/`, body: { topic: 'cut-topic' } };
  const eventId = text((await persistOverCutWire(wire, alice, 'cut-topic', topic)).body, 'event_id');
  const topics = (await alice.getHistory(roomId)).filter(({ type }) => type === 'm.room.topic');
  assert.deepEqual(
    topics.map(({ event_id }) => event_id),
    [eventId],
  );
});

test('R6: a room whose creation was not answered by the database is made once', async () => {
  await using wire = await openWire();
  const request = { method: 'POST', path: '/createRoom', body: { name: 'cut-room' } };
  const roomId = text((await persistOverCutWire(wire, wire.alice, 'cut-room', request)).body, 'room_id');
  const joined = await wire.alice.raw('GET', '/joined_rooms');
  assert.deepEqual(joined.body, { joined_rooms: [roomId] });
  assert.equal((await wire.sql.rows('select from rooms')).length, 1);
});

test('R6: receipts, account data and messages to devices whose answers are lost are written once', async () => {
  await using wire = await openWire();
  const { alice } = wire;
  const bob = await registerUser(wire.baseUrl, uniqueName('bob'));
  const roomId = await alice.createRoom();
  const eventId = await alice.sendText(roomId, 'read me');

  const receipt = { method: 'POST', path: `/rooms/${encode(roomId)}/receipt/m.read/${encode(eventId)}`, body: {} };
  await persistOverCutWire(wire, alice, eventId, receipt);
  await persist(alice, receipt);
  const receipts = await wire.sql.rows('select event_id from receipts');
  assert.deepEqual(receipts, [{ event_id: eventId }]);

  const path = `/user/${encode(alice.userId)}/account_data/org.example.note`;
  const note = { method: 'PUT', path, body: { note: 'cut-note' } };
  await persistOverCutWire(wire, alice, 'cut-note', note);
  await persist(alice, note);
  const notes = await wire.sql.rows(`select content from account_data where type = 'org.example.note'`);
  assert.deepEqual(notes, [{ content: '{"note":"cut-note"}' }]);

  const messages = { [bob.userId]: { [bob.deviceId]: { note: 'cut-message' } } };
  const message = { method: 'PUT', path: '/sendToDevice/org.example.note/once', body: { messages } };
  await persistOverCutWire(wire, alice, 'cut-message', message);
  await persist(alice, message);
  const told = sectionOf((await bob.sync()).raw, 'to_device').map(({ content }) => content);
  assert.deepEqual(told, [{ note: 'cut-message' }]);
});

test('R6: keys whose upload was not answered by the database are there once, and can each be claimed once', async () => {
  await using wire = await openWire();
  const { alice } = wire;
  const { key, keys } = makeDeviceKeys(alice);
  const oneTimeKeys = makeOneTimeKeys(['AAA', 'AAB', 'AAC'], alice, key);
  const upload = { method: 'POST', path: '/keys/upload', body: { device_keys: keys, one_time_keys: oneTimeKeys } };
  const marker = Object.values(oneTimeKeys).map((value) => /"key":"([^"]+)"/.exec(JSON.stringify(value))?.[1])[0];
  assert.ok(marker !== undefined);
  const answer = await persistOverCutWire(wire, alice, marker, upload);
  assert.deepEqual(answer.body, { one_time_key_counts: { signed_curve25519: 3 } });
  assert.deepEqual((await persist(alice, upload)).body, answer.body);
  const claims = { one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } } };
  const claimer = await logIn(wire.baseUrl, alice.userId);
  const claimed = new Set<string>();
  for (let n = 0; n < 3; n++) {
    const { body } = await persist(claimer, { method: 'POST', path: '/keys/claim', body: claims });
    claimed.add(JSON.stringify(body['one_time_keys']));
  }
  assert.equal(claimed.size, 3, 'every key was given out once');
});
