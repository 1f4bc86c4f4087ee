/** Proves that a writer outlasts what goes wrong below it: an outage while names are looked up, a full disk, lost rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRoomVersion } from '#matrix/room-versions.ts';
import type { PersistEvents } from '#rooms/persist-request.ts';
import { statement, type Database } from '#storage/database.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const alice = '@alice:hs1.test';
const message = { sender: alice, type: 'm.room.message', content: { msgtype: 'm.text', body: 'x' } };

async function createRoom(persistEvents: PersistEvents): Promise<string> {
  const version = findRoomVersion('12');
  assert.ok(version);
  const events = [
    { sender: alice, type: 'm.room.create', state_key: '', content: { room_version: '12' } },
    { sender: alice, type: 'm.room.member', state_key: alice, content: { membership: 'join' } },
  ];
  return (await persistEvents({ room: { create: version }, events })).roomId;
}

/** An error as the driver throws it. */
function errorOf(code: string): Error {
  return Object.assign(new Error(`SQLSTATE ${code}`), { code });
}

test('a name that could not be looked up because the database was away is looked up again', async () => {
  await using on = await createMigratedDatabase();
  await using plain = await createRoomParts(on);
  const roomId = await createRoom(plain.persistEvents);
  let failures = 2;
  const interned = {
    ...plain.interned,
    internUsers: (userIds: readonly string[]): Promise<void> => {
      failures--;
      return failures >= 0 ? Promise.reject(errorOf('57P01')) : plain.interned.internUsers(userIds);
    },
  };
  await using parts = await createRoomParts(on, { interned });
  const { statuses } = await parts.persistEvents({ room: { roomId }, events: [message] });
  assert.deepEqual(statuses, ['accepted']);
  assert.equal(failures, -1);
});

test('a disk that is full is tried again, each time later, until there is room', async () => {
  await using on = await createMigratedDatabase();
  await using plain = await createRoomParts(on);
  const roomId = await createRoom(plain.persistEvents);
  const attempts: number[] = [];
  const database: Database = {
    ...plain.database,
    dedicatedClient: (options) => {
      const client = plain.database.dedicatedClient(options);
      const query = client.query.bind(client);
      Reflect.set(client, 'query', (asked: { name?: string } | string, ...rest: unknown[]): unknown => {
        const isWrite = typeof asked !== 'string' && asked.name === 'persist_message';
        if (isWrite) attempts.push(performance.now());
        if (isWrite && attempts.length <= 4) return Promise.reject(errorOf('53100'));
        return Reflect.apply(query, client, [asked, ...rest]);
      });
      return client;
    },
  };
  await using parts = await createRoomParts(on, { database });
  const { statuses } = await parts.persistEvents({ room: { roomId }, events: [message] });
  assert.deepEqual(statuses, ['accepted']);
  const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
  assert.equal(waits.length, 4);
  // The first repetition comes at once, the later ones after at least 20, 40 and 80 ms.
  assert.ok((waits[1] ?? 0) >= 19 && (waits[2] ?? 0) >= 39 && (waits[3] ?? 0) >= 79, waits.join());
});

test('a room whose creation has to give way again and again is made all the same', async () => {
  await using on = await createMigratedDatabase();
  await using plain = await createRoomParts(on);
  let refusals = 4;
  const database: Database = {
    ...plain.database,
    dedicatedClient: (options) => {
      const client = plain.database.dedicatedClient(options);
      const query = client.query.bind(client);
      Reflect.set(client, 'query', (asked: { name?: string } | string, ...rest: unknown[]): unknown => {
        const isWrite = typeof asked !== 'string' && asked.name === 'persist_heavy';
        if (isWrite && refusals-- > 0) return Promise.reject(errorOf(refusals % 2 === 0 ? '40001' : '40P01'));
        return Reflect.apply(query, client, [asked, ...rest]);
      });
      return client;
    },
  };
  await using parts = await createRoomParts(on, { database });
  const roomId = await createRoom(parts.persistEvents);
  const { statuses } = await parts.persistEvents({ room: { roomId }, events: [message] });
  assert.deepEqual(statuses, ['accepted']);
  assert.ok(refusals < 0);
});

test('a transaction id whose event has been removed is free again', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const roomId = await createRoom(parts.persistEvents);
  const replay = { deviceNid: 1, path: 'send', txnId: 'same' };
  const send = () => parts.persistEvents({ room: { roomId }, events: [message], replay });
  const first = await send();
  assert.deepEqual(await send(), first);
  await parts.database.query(forget, [first.eventIds]);
  // Both ways of writing: a message alone, and a batch with state.
  const second = await send();
  assert.notDeepEqual(second.eventIds, first.eventIds);
  assert.deepEqual(await send(), second);
  await parts.database.query(forget, [second.eventIds]);
  const topic = { sender: alice, type: 'm.room.topic', state_key: '', content: { topic: 'x' } };
  const third = await parts.persistEvents({ room: { roomId }, events: [topic], replay });
  assert.equal(parts.facts.at(-1)?.eventId, third.eventIds[0]);
});

const forget = statement<unknown>('test_forget_event', 'delete from events where event_id = any($1::text[])');
