/** Proves that events are written once, in order, in few rows and round trips, and that a failure is the culprit's alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MatrixError } from '#matrix/error.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { importVerifyKey, type VerifyKey } from '#matrix/signing-keys.ts';
import { checkSignatures } from '#matrix/signing.ts';
import type { DraftEvent, PersistEvents } from '#rooms/persist-request.ts';
import { statement, type Database, type ReadTx } from '#storage/database.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const alice = '@alice:hs1.test';
const counts = statement<{ table: string; rows: number }>(
  'test_count_rows',
  `select relname as table, n_live_tup as rows from pg_stat_xact_user_tables where false`,
);

const selectStored = statement<{ json: string; version: string }>(
  'test_stored_json',
  `select j.json, r.version from event_json j join events using (event_nid) join rooms r using (room_nid)`,
);

function versionOf(id: string): RoomVersion {
  const version = findRoomVersion(id);
  assert.ok(version);
  return version;
}

function draftsOfRoom(version: string, users: Readonly<Record<string, number>> = {}): DraftEvent[] {
  const creator = version === '12' ? {} : { [alice]: 100 };
  const content = version === '10' ? { creator: alice, room_version: version } : { room_version: version };
  return [
    { sender: alice, type: 'm.room.create', state_key: '', content },
    { sender: alice, type: 'm.room.member', state_key: alice, content: { membership: 'join' } },
    { sender: alice, type: 'm.room.power_levels', state_key: '', content: { users: { ...creator, ...users } } },
    { sender: alice, type: 'm.room.join_rules', state_key: '', content: { join_rule: 'public' } },
  ];
}

async function createRoom(persistEvents: PersistEvents, version = '12'): Promise<string> {
  const { roomId } = await persistEvents({ room: { create: versionOf(version) }, events: draftsOfRoom(version) });
  return roomId;
}

const message = (body: string, sender = alice): DraftEvent => ({
  sender,
  type: 'm.room.message',
  content: { msgtype: 'm.text', body },
});

const tables = [
  'rooms',
  'state_keys',
  'events',
  'event_json',
  'event_edges',
  'event_auth',
  'room_heads',
  'state_nodes',
];
const moreTables = [
  'redactions',
  'replay_keys',
  'membership_log',
  'user_rooms',
  'room_servers',
  'remote_members',
  'event_destinations',
  'room_summary',
  'stripped_snapshots',
  'notifications',
  'users',
];

async function countRows(database: ReadTx): Promise<Map<string, number>> {
  const all = [...tables, ...moreTables];
  const sql = all.map((table) => `select '${table}' as table, count(*) as rows from ${table}`).join(' union all ');
  const rows = await database.query({ ...counts, name: 'test_count_all', text: sql }, []);
  return new Map(rows.map((row) => [row.table, row.rows]));
}

/** Counts what is sent to PostgreSQL on connections made from now on. */
function countingStatements(database: Database): { readonly database: Database; readonly sent: string[] } {
  const sent: string[] = [];
  const counted: Database = {
    ...database,
    query: (asked, values) => {
      sent.push(asked.name);
      return database.query(asked, values);
    },
    dedicatedClient: (options) => {
      const client = database.dedicatedClient(options);
      const query = client.query.bind(client);
      Reflect.set(client, 'query', (asked: { name?: string } | string, ...rest: unknown[]): unknown => {
        sent.push(typeof asked === 'string' ? asked : (asked.name ?? 'unnamed'));
        return Reflect.apply(query, client, [asked, ...rest]);
      });
      return client;
    },
  };
  return { database: counted, sent };
}

test('a plain message is five rows and one round trip, whatever the version', async () => {
  await using on = await createMigratedDatabase();
  await using plain = await createRoomParts(on);
  const { database, sent } = countingStatements(plain.database);
  await using parts = await createRoomParts(on, { database });
  for (const version of ['10', '11', '12']) {
    const roomId = await createRoom(parts.persistEvents, version);
    await parts.persistEvents({ room: { roomId }, events: [message('warm')] });
    const before = await countRows(plain.database);
    sent.length = 0;
    const replay = { deviceNid: 1, path: 'send', txnId: `t${version}` };
    await parts.persistEvents({ room: { roomId }, events: [message('counted')], replay });
    assert.deepEqual(sent, ['persist_message']);
    const after = await countRows(plain.database);
    const grown = [...after].filter(([table, rows]) => rows !== before.get(table)).map(([table]) => table);
    assert.deepEqual(grown.toSorted(), ['event_edges', 'event_json', 'events', 'replay_keys', 'room_heads']);
    const total = [...after].reduce((sum, [table, rows]) => sum + rows - (before.get(table) ?? 0), 0);
    assert.equal(total, 5);
  }
});

test('every stored event is signed, whatever batch it was written in', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const rooms = await Promise.all(['10', '11', '12'].map((version) => createRoom(parts.persistEvents, version)));
  await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      parts.persistEvents({ room: { roomId: rooms[index % 3]! }, events: [message(`${index}`)] }),
    ),
  );
  const stored = await parts.database.query(selectStored, []);
  assert.equal(stored.length, 3 * 4 + 60);
  const { serverName, key } = parts.signer;
  const verifyKey = importVerifyKey(key.publicKey);
  assert.ok(verifyKey);
  const keys: ReadonlyMap<string, VerifyKey> = new Map([[key.keyId, verifyKey]]);
  for (const { json, version } of stored) {
    const verdict = validatePdu(Buffer.from(json), versionOf(version));
    assert.ok(verdict.ok, json);
    const { signedText, pdu } = verdict.event;
    assert.deepEqual(checkSignatures(signedText, pdu.signatures, serverName, keys), { ok: true }, json);
  }
});

test('a message that mentions somebody is one row more, in the same round trip', async () => {
  await using on = await createMigratedDatabase();
  await using plain = await createRoomParts(on);
  const { database, sent } = countingStatements(plain.database);
  await using parts = await createRoomParts(on, { database });
  const roomId = await createRoom(parts.persistEvents);
  const bob = '@bob:hs1.test';
  const join: DraftEvent = { sender: bob, type: 'm.room.member', state_key: bob, content: { membership: 'join' } };
  await parts.persistEvents({ room: { roomId }, events: [join] });
  await parts.persistEvents({ room: { roomId }, events: [message('warm')] });
  const mentions = { 'm.mentions': { user_ids: [bob, '@nobody:hs1.test', '@stranger:elsewhere'] } };
  const mention: DraftEvent = { sender: alice, type: 'm.room.message', content: { msgtype: 'm.text', ...mentions } };
  const before = await countRows(plain.database);
  sent.length = 0;
  const replay = { deviceNid: 1, path: 'send', txnId: 'mention' };
  await parts.persistEvents({ room: { roomId }, events: [mention], replay });
  assert.deepEqual(sent, ['persist_message']);
  const after = await countRows(plain.database);
  const total = [...after].reduce((sum, [table, rows]) => sum + rows - (before.get(table) ?? 0), 0);
  assert.equal(total, 6);
  assert.equal(after.get('notifications'), 1);
});

test('the same transaction id makes one event, at once, later and in another process', async () => {
  await using on = await createMigratedDatabase();
  await using one = await createRoomParts(on);
  await using other = await createRoomParts(on);
  const roomId = await createRoom(one.persistEvents);
  const replay = { deviceNid: 5, path: 'send/x', txnId: 'same' };
  const send = (parts: typeof one) => parts.persistEvents({ room: { roomId }, events: [message('once')], replay });
  const results = await Promise.all([send(one), send(one), send(one)]);
  results.push(await send(one), await send(other));
  assert.equal(new Set(results.map((result) => result.eventIds[0])).size, 1);
  assert.equal((await countRows(one.database)).get('replay_keys'), 1);
  const different = await one.persistEvents({
    room: { roomId },
    events: [message('once')],
    replay: { ...replay, deviceNid: 6 },
  });
  assert.notEqual(different.eventIds[0], results[0]?.eventIds[0]);
});

test('two processes in one room: every event once, each sender in order, positions in the order of the room', async () => {
  await using on = await createMigratedDatabase();
  await using one = await createRoomParts(on);
  await using other = await createRoomParts(on);
  const roomId = await createRoom(one.persistEvents);
  const sendAll = async (parts: typeof one, name: string): Promise<string[]> => {
    const ids: string[] = [];
    for (let i = 0; i < 60; i++) {
      const result = await parts.persistEvents({ room: { roomId }, events: [message(`${name} ${i}`)] });
      ids.push(...result.eventIds);
    }
    return ids;
  };
  const acknowledged = await Promise.all([
    sendAll(one, 'a'),
    sendAll(one, 'b'),
    sendAll(other, 'c'),
    sendAll(other, 'd'),
  ]);
  const rows = await one.database.query(
    statement<{ event_id: string; room_order: number; prevs: number }>(
      'test_timeline',
      `select event_id, room_order, (select count(*) from event_edges g where g.event_nid = e.event_nid) as prevs
       from events e where type = 'm.room.message' order by pos`,
    ),
    [],
  );
  assert.equal(rows.length, 240);
  assert.ok(rows.every((row) => row.prevs === 1));
  const orders = rows.map((row) => row.room_order);
  assert.deepEqual(
    orders,
    orders.toSorted((a, b) => a - b),
  );
  for (const ids of acknowledged) {
    const own = new Set(ids);
    assert.deepEqual(
      rows.map((row) => row.event_id).filter((id) => own.has(id)),
      ids,
    );
  }
});

test('a request is all or nothing, and a refused one leaves the room as it was', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const roomId = await createRoom(parts.persistEvents);
  const name = (text: string): DraftEvent => ({
    sender: alice,
    type: 'm.room.name',
    state_key: '',
    content: { name: text },
  });
  const before = await countRows(parts.database);
  const refused = parts.persistEvents({ room: { roomId }, events: [name('new'), message('no', '@mallory:hs1.test')] });
  await assert.rejects(refused, (error: unknown) => error instanceof MatrixError && error.errcode === 'M_FORBIDDEN');
  assert.equal((await countRows(parts.database)).get('events'), before.get('events'));
  await parts.persistEvents({ room: { roomId }, events: [message('still works')] });
  await parts.persistEvents({ room: { roomId }, events: [name('newer')] });
  const replaced = parts.facts.findLast((fact) => fact.type === 'm.room.name');
  assert.equal(replaced?.replacesNid, undefined);
});

test('what another process has allowed meanwhile is not refused by what this one remembers', async () => {
  await using on = await createMigratedDatabase();
  await using one = await createRoomParts(on);
  await using other = await createRoomParts(on);
  const bob = '@bob:hs1.test';
  const roomId = await createRoom(one.persistEvents);
  const join: DraftEvent = { sender: bob, type: 'm.room.member', state_key: bob, content: { membership: 'join' } };
  await other.persistEvents({ room: { roomId }, events: [join] });
  const topic = (text: string): DraftEvent => ({
    sender: bob,
    type: 'm.room.topic',
    state_key: '',
    content: { topic: text },
  });
  const setTopic = (text: string) => other.persistEvents({ room: { roomId }, events: [topic(text)] });
  const isForbidden = (error: unknown): boolean => error instanceof MatrixError && error.errcode === 'M_FORBIDDEN';
  await assert.rejects(setTopic('too early'), isForbidden);
  const [, , levels] = draftsOfRoom('12', { [bob]: 50 });
  assert.ok(levels);
  await one.persistEvents({ room: { roomId }, events: [levels] });
  // Beside others of the same process, which stand on the old head too.
  const results = await Promise.allSettled([
    other.persistEvents({ room: { roomId }, events: [message('a', bob)] }),
    setTopic('now'),
    other.persistEvents({ room: { roomId }, events: [message('b', bob)] }),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled'],
  );
  const [, , withdrawn] = draftsOfRoom('12');
  assert.ok(withdrawn);
  await one.persistEvents({ room: { roomId }, events: [withdrawn] });
  await assert.rejects(setTopic('too late'), isForbidden);
});

test('one poison request in a batch of ten: nine succeed', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const rooms = await Promise.all(Array.from({ length: 10 }, () => createRoom(parts.persistEvents)));
  for (let round = 0; round < 20; round++) {
    const poisoned = round % 10;
    const results = await Promise.allSettled(
      rooms.map((roomId, index) =>
        parts.persistEvents({
          room: { roomId },
          events: [message(`${round}`)],
          ...(index === poisoned ? { alongside: () => Promise.reject(new Error('poison')) } : {}),
        }),
      ),
    );
    assert.deepEqual(
      results.map((result) => result.status === 'fulfilled'),
      rooms.map((_, index) => index !== poisoned),
    );
  }
  assert.equal(parts.facts.filter((fact) => fact.type === 'm.room.message').length, 180);
});

test('what must be atomic with the events is written with them or not at all', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const roomId = await createRoom(parts.persistEvents);
  const write = statement<unknown>('test_alongside', `insert into server_secrets (name, secret) values ($1, '\\x00')`);
  const find = statement<{ name: string }>('test_find_alongside', `select name from server_secrets order by name`);
  const alongside = (name: string) => async (tx: ReadTx) => void (await tx.query(write, [name]));
  await parts.persistEvents({ room: { roomId }, events: [message('a')], alongside: alongside('kept') });
  const twice = parts.persistEvents({ room: { roomId }, events: [message('b')], alongside: alongside('kept') });
  await assert.rejects(twice);
  assert.deepEqual(await parts.database.query(find, []), [{ name: 'kept' }]);
  assert.equal(parts.facts.filter((fact) => fact.type === 'm.room.message').length, 1);
});
