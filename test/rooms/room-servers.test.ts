/** Proves that it is known which servers are in a room, and where an event goes besides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { statement } from '#storage/database.ts';
import { findServersInRoom, isServerInRoom } from '#storage/rooms/find-room-servers.ts';
import { creator, ForeignRoom, friend, guest, membership } from '#test/rooms/foreign-room.ts';
import { importStart, message, persist, stateOf, topic, type Parts } from '#test/rooms/room-checks.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const alice = '@alice:hs1.test';
const stranger = '@stranger:else.test';
const roomNidOf = (parts: Parts): number => parts.facts[0]?.roomNid ?? 0;
const serversOf = (parts: Parts): Promise<string[]> => findServersInRoom(parts.database, roomNidOf(parts));

const selectDestinations = statement<{ event_id: string; server_names: string[] }>(
  'test_select_event_destinations',
  'select event_id, server_names from event_destinations join events using (event_nid) order by event_nid',
);

test('a server is in the room from its first user to its last', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  await importStart(parts, room, start);
  assert.deepEqual(await serversOf(parts), ['far.test']);
  let last = start.at(-1) ?? '';
  const next = async (user: string, what: string): Promise<void> => {
    last = room.add(membership(user, user, what), [last]);
    assert.deepEqual((await persist(parts, room, last)).statuses, ['accepted']);
  };
  await next(stranger, 'join');
  await next('@other:else.test', 'join');
  // Joining again, as with a new name, is no second user.
  await next(stranger, 'join');
  assert.deepEqual(await serversOf(parts), ['far.test', 'else.test']);
  await next('@other:else.test', 'leave');
  assert.equal(await isServerInRoom(parts.database, roomNidOf(parts), 'else.test'), true);
  await next(stranger, 'leave');
  assert.equal(await isServerInRoom(parts.database, roomNidOf(parts), 'else.test'), false);
  assert.deepEqual(await serversOf(parts), ['far.test']);
});

test('what a resolution makes of memberships is followed', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  await importStart(parts, room, start);
  const base = start.at(-1) ?? '';
  // On one branch all are kept out, by the creator; on the other somebody comes, at the same time.
  const shut = room.add(membership(creator, stranger, 'ban'), [base]);
  const come = room.add(membership(stranger, stranger, 'join'), [base]);
  await persist(parts, room, come);
  assert.deepEqual(await serversOf(parts), ['far.test', 'else.test']);
  await persist(parts, room, shut);
  await persist(parts, room, room.add(message(creator, 'both'), [shut, come]));
  const state = await stateOf(parts, room.roomId);
  const joined = [...state.values()]
    .map((id) => room.require(id).pdu.pdu)
    .filter(({ content }) => content['membership'] === 'join');
  assert.ok(joined.every(({ state_key: user }) => user !== stranger));
  assert.deepEqual(await serversOf(parts), ['far.test']);
});

test('an event names the servers that the room has lost by it or has not won yet; relayed ones are told apart', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const version = findRoomVersion('12');
  assert.ok(version);
  const member = (user: string, what: string) => ({
    sender: alice,
    type: 'm.room.member',
    state_key: user,
    content: { membership: what },
  });
  const { eventIds } = await parts.persistEvents({
    room: { create: version },
    events: [
      { sender: alice, type: 'm.room.create', state_key: '', content: { room_version: '12' } },
      member(alice, 'join'),
      member(stranger, 'invite'),
      member('@near:hs1.test', 'invite'),
      member(stranger, 'ban'),
      member('@near:hs1.test', 'leave'),
    ],
  });
  const named = await parts.database.query(selectDestinations, []);
  assert.deepEqual(
    named,
    [2, 4].map((index) => ({ event_id: eventIds[index], server_names: ['else.test'] })),
  );
});

test('an event of another server is ours to send if it was handed to us, on the head and beside it', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  await importStart(parts, room, start);
  const base = start.at(-1) ?? '';
  const own = room.add(topic(friend, 'not ours to send'), [base]);
  const onHead = room.add(membership(stranger, stranger, 'join'), [own]);
  const beside = room.add(membership(guest, guest, 'leave'), [own]);
  await persist(parts, room, own);
  for (const id of [onHead, beside]) {
    const events = [{ sealed: room.require(id).pdu, relay: true }] as const;
    // Handed in twice, it is written once.
    for (let i = 0; i < 2; i++) await parts.persistEvents({ room: { roomId: room.roomId }, events });
  }
  assert.deepEqual(
    await parts.database.query(selectDestinations, []),
    [onHead, beside].map((id) => ({ event_id: id, server_names: [] })),
  );
});
