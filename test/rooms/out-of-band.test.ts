import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectStripped } from '#matrix/stripped-state.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { persistOutOfBand } from '#rooms/persist-out-of-band.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { rebuildRoom } from '#rooms/rebuild-room.ts';
import { statement } from '#storage/database.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import { hasOutOfBandMembership } from '#storage/rooms/persist-out-of-band.ts';
import { findMembershipLog, findStrippedSnapshots, findUserRooms } from '#storage/streams/find-user-rooms.ts';
import { readFacts } from '#streams/read-facts.ts';
import { creator, ForeignRoom, membership } from '#test/rooms/foreign-room.ts';
import { message, type Parts } from '#test/rooms/room-checks.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const ours = '@ours:hs1.test';
const codes = { invite: 1, join: 2, leave: 3 };

const selectAuthGen = statement<{ auth_gen: number | null; pos: number | null }>(
  'test_select_auth_gen',
  'select auth_gen, pos from events where event_id = $1',
);

async function nidOf(parts: Parts, userId: string): Promise<number> {
  await parts.interned.internUsers([userId]);
  const nid = parts.interned.knownUser(userId);
  assert.ok(nid !== undefined);
  return nid;
}

const outOfBandOf = (parts: Parts) => ({ ...parts, streams: { committed: parts.committed } });

test('an invite to a room in which nobody of this server is has a position, a membership and a snapshot, once', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  const invite = room.require(room.add(membership(creator, ours, 'invite'), start.slice(-1))).pdu;
  const shown = selectStripped([
    { type: 'm.room.name', state_key: '', sender: creator, content: { name: 'far' } },
    null,
  ]);
  const given = { event: invite, shown };
  assert.equal(await persistOutOfBand(outOfBandOf(parts), given), 'written');
  assert.equal(await persistOutOfBand(outOfBandOf(parts), given), 'known');
  const userNid = await nidOf(parts, ours);
  const [own, ...others] = await findUserRooms(parts.database, userNid);
  assert.ok(own);
  assert.equal(others.length, 0);
  assert.deepEqual([own.room_id, own.membership], [room.roomId, codes.invite]);
  const snapshot = (await findStrippedSnapshots(parts.database, userNid, [own.room_nid])).get(own.room_nid) ?? '';
  const types = JSON.parse(snapshot).map((event: { type: string }) => event.type);
  assert.deepEqual(types, ['m.room.name', 'm.room.member']);
  assert.ok(await hasOutOfBandMembership(parts.database, userNid, own.room_nid));
  // What this process was told is what others read.
  const [fact] = parts.facts;
  assert.deepEqual(await readFacts(parts.database, parts.tries, 0, 10), [fact]);
  assert.equal(fact?.membership, 'invite');
});

test('the end of an invite out of band takes the snapshot with it and is logged after it', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const start = room.start();
  const invite = room.add(membership(creator, ours, 'invite'), start.slice(-1));
  const leave = room.add(membership(creator, ours, 'leave'), [invite]);
  for (const id of [invite, leave]) {
    assert.equal(await persistOutOfBand(outOfBandOf(parts), { event: room.require(id).pdu, shown: [] }), 'written');
  }
  const userNid = await nidOf(parts, ours);
  const log = await findMembershipLog(parts.database, userNid, 0, Number.MAX_SAFE_INTEGER);
  assert.deepEqual(
    log.map((row) => [row.was, row.membership]),
    [
      [0, codes.invite],
      [codes.invite, codes.leave],
    ],
  );
  const roomNid = log[0]?.room_nid ?? 0;
  assert.equal((await findStrippedSnapshots(parts.database, userNid, [roomNid])).size, 0);
});

test('an invite out of band that is told as state later is judged by its auth events, and keeps its position', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  const invite = room.add(membership(creator, ours, 'invite'), start.slice(-1));
  const entry = room.add(message(creator, 'come in'), [invite]);
  await persistOutOfBand(outOfBandOf(parts), { event: room.require(invite).pdu, shown: [] });
  const [before] = await parts.database.query(selectAuthGen, [invite]);
  assert.equal(before?.auth_gen, null);
  const events = [...start, invite].map((id) => room.require(id).pdu);
  const told = await persistOutliers(parts, { roomId: room.roomId, version: room.version, events });
  assert.equal(told.get(invite), 'outlier');
  const [after] = await parts.database.query(selectAuthGen, [invite]);
  assert.ok((after?.auth_gen ?? 0) > 1);
  assert.equal(after?.pos, before?.pos);

  const states = new Map([[invite, [...room.require(entry).stateBefore.values()]]]);
  const sealed = { sealed: room.require(entry).pdu, states };
  await parts.persistEvents({ room: { roomId: room.roomId }, events: [sealed] });
  assert.equal((await findEventPlaces(parts.database, [invite])).get(invite)?.status, 'outlier');
  const userNid = await nidOf(parts, ours);
  const [own] = await findUserRooms(parts.database, userNid);
  assert.equal(own?.membership, codes.invite);
  await rebuildRoom(parts, room.roomId);
  assert.equal((await findStrippedSnapshots(parts.database, userNid, [own.room_nid])).size, 1);
});

test('where a user of this server is in the room, nothing is kept out of band', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const start = room.start();
  const joined = room.add(membership(ours, ours, 'join'), start.slice(-1));
  const events = [...start, joined].map((id) => ({ sealed: room.require(id).pdu }));
  await parts.persistEvents({ room: { create: room.version }, events });
  const invite = room.add(membership(creator, '@second:hs1.test', 'invite'), [joined]);
  const facts = parts.facts.length;
  assert.equal(await persistOutOfBand(outOfBandOf(parts), { event: room.require(invite).pdu, shown: [] }), 'inRoom');
  assert.equal(parts.facts.length, facts);
  assert.equal((await findEventPlaces(parts.database, [invite])).get(invite)?.status, 'missing');
});

test('an invite out of band, which nobody has judged, permits nothing until it comes with its auth events', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('11');
  const start = room.start();
  const shut = room.add(
    { type: 'm.room.join_rules', sender: creator, stateKey: '', content: { join_rule: 'invite' } },
    start.slice(-1),
  );
  const events = [...start, shut].map((id) => ({ sealed: room.require(id).pdu }));
  await parts.persistEvents({ room: { create: room.version }, events });
  const invite = room.add(membership(creator, ours, 'invite'), [shut]);
  await persistOutOfBand(outOfBandOf(parts), { event: room.require(invite).pdu, shown: [] });
  const join = room.require(room.add(membership(ours, ours, 'join'), [invite])).pdu;
  const states = new Map([[invite, [...room.require(invite).stateBefore.values()]]]);
  const entering = (): Promise<unknown> =>
    parts.persistEvents({ room: { roomId: room.roomId }, events: [{ sealed: join, states }] });
  await assert.rejects(entering(), (error) => {
    assert.ok(error instanceof MissingEventsError);
    assert.deepEqual(error.eventIds, [invite]);
    return true;
  });
  await parts.persistEvents({ room: { roomId: room.roomId }, events: [{ sealed: room.require(invite).pdu }] });
  await entering();
  const [own] = await findUserRooms(parts.database, await nidOf(parts, ours));
  assert.equal(own?.membership, codes.join);
});
