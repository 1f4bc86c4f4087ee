/** Owns the tests of what /sync tells of a room's people beside its events: heroes, and members that are loaded lazily. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findState } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const lazily = { room: { state: { lazy_load_members: true }, timeline: { lazy_load_members: true, limit: 1 } } };

describe('people in sync', () => {
  const server = useSuiteServer();

  it('tells the heroes of a room that has lost its name, whether it was taken back or redacted', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    for (const lose of ['take back', 'redact']) {
      const roomId = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(roomId);
      const named = await alice.setState(roomId, 'm.room.name', { name: 'Harbour' });
      const since = (await bob.sync()).nextBatch;
      if (lose === 'redact') await alice.redact(roomId, named);
      else await alice.setState(roomId, 'm.room.name', {});
      const room = (await bob.sync({ since })).join.get(roomId);
      assert.deepEqual(room?.summary['m.heroes'], [alice.userId], lose);
    }
  });

  it('lists the membership of a lazily loaded member who left once, as it is after the timeline', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const since = (await bob.sync({ filter: lazily, use_state_after: true })).nextBatch;
    await bob.leave(roomId);
    const room = (await bob.sync({ since, filter: lazily, use_state_after: true })).leave.get(roomId);
    assert.equal(findState(room?.stateAfter ?? [], 'm.room.member', bob.userId)?.content['membership'], 'leave');
  });
});
