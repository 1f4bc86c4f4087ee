/** Proves what holds of a room's graph whatever comes in: its newest events stay few, and never none; its state is the judge. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MatrixError } from '#matrix/error.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import { creator, ForeignRoom, guest, membership } from '#test/rooms/foreign-room.ts';
import { extremitiesOf, importStart, message, statusOf, type Parts } from '#test/rooms/room-checks.ts';

/** As many as an event may have predecessors. Specification: room versions, "Event format". */
const extremitiesMax = 20;
const branches = 50;

async function startRoom(parts: Parts): Promise<{ room: ForeignRoom; start: readonly string[] }> {
  const room = new ForeignRoom('11');
  const start = room.start();
  await importStart(parts, room, start);
  return { room, start };
}

test('O3: however many branches come in, their ends stay few, and the next event of ours joins them', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const { room, start } = await startRoom(parts);
  for (let n = 0; n < branches; n++) {
    const branch = room.add(message(creator, `branch ${n}`), start.slice(-1));
    assert.equal(await statusOf(parts, room, branch), 'accepted');
    assert.ok((await extremitiesOf(parts, room.roomId)).length <= extremitiesMax);
  }
  assert.equal((await extremitiesOf(parts, room.roomId)).length, extremitiesMax);
  const own = { sender: creator, type: 'm.room.message', content: { msgtype: 'm.text', body: 'together' } };
  const { eventIds } = await parts.persistEvents({ room: { roomId: room.roomId }, events: [own] });
  assert.deepEqual(await extremitiesOf(parts, room.roomId), eventIds);
});

test('O4: a room to which only soft-failed events come keeps the event that the next one follows', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const { room, start } = await startRoom(parts);
  const ban = room.add(membership(creator, guest, 'ban'), start.slice(-1));
  assert.equal(await statusOf(parts, room, ban), 'accepted');
  let before = start.slice(-1);
  for (let n = 0; n < 30; n++) {
    const evasion = room.add(message(guest, `evasion ${n}`), before);
    assert.equal(await statusOf(parts, room, evasion), 'soft_failed');
    assert.deepEqual(await extremitiesOf(parts, room.roomId), [ban]);
    // Upon one another and upon what was there before the ban, in turn.
    before = n % 2 === 0 ? [evasion] : start.slice(-1);
  }
  const next = room.add(message(creator, 'goes on'), [ban]);
  assert.equal(await statusOf(parts, room, next), 'accepted');
  assert.deepEqual(await extremitiesOf(parts, room.roomId), [next]);
});

test('O5: an event is judged by the state that it is written upon, whatever this process remembers of the room', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  await using other = await createRoomParts(on);
  const { room } = await startRoom(parts);
  const { roomId } = room;
  const say = () => {
    const content = { msgtype: 'm.text', body: 'x' };
    return other.persistEvents({ room: { roomId }, events: [{ sender: guest, type: 'm.room.message', content }] });
  };
  const setMember = (sender: string, value: string) => {
    const event = { sender, type: 'm.room.member', state_key: guest, content: { membership: value } };
    return parts.persistEvents({ room: { roomId }, events: [event] });
  };
  for (let round = 0; round < 5; round++) {
    // The other process has the room as it is now, and then it changes.
    await say();
    await setMember(creator, 'ban');
    await assert.rejects(say(), (error: unknown) => error instanceof MatrixError && error.errcode === 'M_FORBIDDEN');
    await setMember(creator, 'leave');
    await setMember(guest, 'join');
  }
});
