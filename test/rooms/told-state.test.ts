/** Proves taking in a state that another server tells: whatever order it comes in, and in many pieces. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Keyring } from '#federation/keyring.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import { readRoomState } from '#rooms/residents/read-room-state.ts';
import { takeInState } from '#rooms/residents/take-in-state.ts';
import { creator, ForeignRoom, membership } from '#test/rooms/foreign-room.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

/** More than three pieces. */
const members = 400;

/** Finds nothing wrong but with this event. */
function keyringAgainst(eventId: string): Pick<Keyring, 'checkEvents'> {
  return {
    checkEvents: async (events) =>
      events.map((event) => (event.eventId === eventId ? { ok: false, message: 'No.' } : { ok: true, event })),
  };
}

for (const version of ['11', '12']) {
  test(`version ${version}: a state is kept whatever order it is told in, but for what is not signed and what cites that`, async () => {
    await using on = await createMigratedDatabase();
    await using parts = await createRoomParts(on);
    const room = new ForeignRoom(version);
    let last = room.start().slice(-1);
    const renamed: string[] = [];
    let unsigned = '';
    for (let index = 0; index < members; index++) {
      const userId = `@member${index}:far.test`;
      const join = membership(userId, userId, 'join');
      last = [room.add(join, last)];
      if (index === 7) [unsigned = ''] = last;
      // Cites the join, which is no part of the state then.
      last = [room.add({ ...join, content: { membership: 'join', displayname: `Number ${index}` } }, last)];
      renamed.push(...last);
    }
    const topic = room.add({ type: 'm.room.topic', sender: creator, stateKey: '', content: { topic: 'told' } }, last);
    const stateIds = [...room.require(topic).stateAfter.values()];
    const entries = new Set(stateIds);
    const text = (id: string): Buffer => Buffer.from(room.require(id).pdu.json);
    // The newest first, and in the chain nothing that is in the state.
    const state = stateIds.map(text).toReversed();
    const authChain = [...room.events.keys()].filter((id) => !entries.has(id)).map(text);
    const told = await readRoomState(room, { state, authChain: authChain.toReversed() });
    assert.deepEqual(new Set(told.stateIds), entries);
    const statuses = await takeInState({ ...parts, federation: { keyring: keyringAgainst(unsigned) } }, told);
    for (const id of room.events.keys()) {
      const expected = id === unsigned ? undefined : id === renamed[7] ? 'missing' : 'outlier';
      assert.equal(statuses.get(id), expected);
    }
  });
}

test('of a state with two events of one key the first counts, and one without a create event is refused', async () => {
  const room = new ForeignRoom('11');
  const [create = '', ...others] = room.start();
  const named = ['one', 'two'].map((topic) =>
    room.add({ type: 'm.room.topic', sender: creator, stateKey: '', content: { topic } }, others.slice(-1)),
  );
  const text = (id: string): Buffer => Buffer.from(room.require(id).pdu.json);
  const told = await readRoomState(room, { state: [create, ...named].map(text), authChain: [] });
  assert.equal(told.findEntry('m.room.topic', ''), named[0]);
  const without = readRoomState(room, { state: others.map(text), authChain: [text(create)] });
  await assert.rejects(without, BadAnswerError);
});
