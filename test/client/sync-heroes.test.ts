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

  it('names a room after those who came first, also when most of those who were kept for that are gone', async () => {
    const [alice, last] = await server.newUsers('alice', 'last');
    const users = await server.newUsers(...Array.from({ length: 23 }, (_, index) => `u${index}`));
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    for (const user of users) await user.join(roomId);
    for (const user of users.slice(0, 15)) await user.leave(roomId);
    await last.join(roomId);
    const heroes = (await alice.sync()).join.get(roomId)?.summary['m.heroes'];
    assert.deepEqual(
      heroes,
      users.slice(15, 20).map((user) => user.userId),
    );
  });

  it('tells the memberships of new heroes to those who load members lazily', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Harbour' });
    for (const user of [carol, bob]) await user.join(roomId);
    await alice.sendText(roomId, 'hello');
    const { nextBatch: since } = await bob.sync({ filter: lazily });
    await alice.setState(roomId, 'm.room.name', {});
    const room = (await bob.sync({ since, filter: lazily })).join.get(roomId);
    assert.deepEqual(room?.summary['m.heroes'], [alice.userId, carol.userId]);
    assert.ok(findState(room.state ?? [], 'm.room.member', carol.userId));
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
