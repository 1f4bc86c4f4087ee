/** Proves that users of two servers invite each other, knock and come into each other's rooms, as their clients see it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFederation, type FederatedServer, type FederatedServers } from '#test/support/federated-servers.ts';
import { encode, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject, SyncAnswer } from '#test/support/matrix-shapes.ts';

describe('users of two servers', () => {
  let federation: FederatedServers;
  let near: FederatedServer;
  let far: FederatedServer;
  let alice: MatrixHttp;
  before(async () => {
    federation = await startFederation(2);
    const [first, second] = federation.servers;
    assert.ok(first && second);
    [near, far] = [first, second];
    alice = await near.newUser('alice');
  });
  after(() => federation[Symbol.asyncDispose]());

  const newFarUser = (name: string): Promise<MatrixHttp> => far.newUser(uniqueName(name));
  const join = async (user: MatrixHttp, roomId: string): Promise<void> => {
    const answer = await user.raw('POST', `/join/${encode(roomId)}?via=${encode(near.name)}`, { body: {} });
    assert.equal(answer.status, 200, answer.bodyText);
  };
  const membershipSeenBy = async (viewer: MatrixHttp, roomId: string, userId: string): Promise<unknown> =>
    (await viewer.getFullState(roomId)).find((event) => event.type === 'm.room.member' && event.state_key === userId)
      ?.content['membership'];
  const until = async (what: string, check: () => Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + 30_000;
    while (!(await check())) {
      assert.ok(Date.now() < deadline, what);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  const untilSynced = async (
    user: MatrixHttp,
    isThere: (sync: SyncAnswer) => boolean,
    filter?: JsonObject,
  ): Promise<SyncAnswer> => {
    let { nextBatch: since, ...first } = await user.sync({ ...(filter && { filter }) });
    for (let sync: SyncAnswer = { nextBatch: since, ...first }, tries = 0; ; tries++) {
      if (isThere(sync)) return sync;
      assert.ok(tries < 20, 'the sync says it');
      sync = await user.sync({ since, timeout: 2_000, ...(filter && { filter }) });
      since = sync.nextBatch;
    }
  };
  const invited = (roomId: string) => (sync: SyncAnswer) => sync.invite.has(roomId);
  const left = (roomId: string) => (sync: SyncAnswer) => sync.leave.has(roomId);

  test('an invitation is seen with the room, and accepted; both sides talk', async () => {
    const bob = await newFarUser('bob');
    const roomId = await alice.createRoom({
      preset: 'private_chat',
      name: 'Ours',
      invite: [bob.userId],
      is_direct: true,
    });
    const sync = await untilSynced(bob, invited(roomId));
    const shown = sync.invite.get(roomId) ?? [];
    assert.deepEqual(shown.find(({ type }) => type === 'm.room.name')?.content, { name: 'Ours' });
    assert.ok(shown.some(({ type }) => type === 'm.room.create'));
    assert.equal(
      shown.find(({ type, state_key: key }) => type === 'm.room.member' && key === bob.userId)?.sender,
      alice.userId,
    );
    await bob.join(roomId);
    const joined = await untilSynced(bob, ({ join }) => join.has(roomId));
    const own = joined.join.get(roomId)?.timeline.find(({ state_key: key }) => key === bob.userId);
    assert.deepEqual(own?.unsigned?.['prev_content'], { is_direct: true, membership: 'invite' });
    assert.equal(await membershipSeenBy(alice, roomId, bob.userId), 'join');
    const sent = await alice.sendText(roomId, 'welcome');
    await until('what alice says is seen by bob', async () =>
      (await bob.getHistory(roomId)).some(({ event_id: id }) => id === sent),
    );
    const reply = await bob.sendText(roomId, 'hello');
    await until('what bob says is seen by alice', async () =>
      (await alice.getHistory(roomId)).some(({ event_id: id }) => id === reply),
    );
  });

  test('an invitation is rejected, again and again, and the inviter sees it', async () => {
    const bob = await newFarUser('bob');
    const roomId = await alice.createRoom({ preset: 'private_chat' });
    for (let round = 0; round < 3; round++) {
      await alice.invite(roomId, bob.userId);
      await untilSynced(bob, invited(roomId));
      await bob.leave(roomId);
      assert.equal(await membershipSeenBy(alice, roomId, bob.userId), 'leave');
      assert.ok(!(await bob.sync()).invite.has(roomId));
    }
  });

  test('an invitation to a room that everybody has left can be rejected', async () => {
    const bob = await newFarUser('bob');
    const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] });
    const { nextBatch: since } = await untilSynced(bob, invited(roomId));
    await alice.leave(roomId);
    await bob.leave(roomId);
    assert.ok((await bob.sync({ since })).leave.has(roomId));
  });

  test('an invitation is taken back by who made it', async () => {
    const bob = await newFarUser('bob');
    const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] });
    const { nextBatch: since } = await untilSynced(bob, invited(roomId));
    const kick = { body: { user_id: bob.userId, reason: 'a mistake' } };
    assert.equal((await alice.raw('POST', `/rooms/${encode(roomId)}/kick`, kick)).status, 200);
    await until('bob is told', async () => left(roomId)(await bob.sync({ since })));
  });

  test('who is invited while others of their server are in the room joins, or rejects it', async () => {
    const [bob, carol, dave] = [await newFarUser('bob'), await newFarUser('carol'), await newFarUser('dave')];
    const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] });
    await untilSynced(bob, invited(roomId));
    await bob.join(roomId);
    for (const user of [carol, dave]) {
      await alice.invite(roomId, user.userId);
      const sync = await untilSynced(user, invited(roomId));
      assert.ok(sync.invite.get(roomId)?.some(({ type }) => type === 'm.room.create'));
    }
    assert.equal(await membershipSeenBy(bob, roomId, dave.userId), 'invite');
    await carol.join(roomId);
    await dave.leave(roomId);
    for (const [user, membership] of [
      [carol, 'join'],
      [dave, 'leave'],
    ] as const) {
      for (const viewer of [alice, bob]) {
        await until(
          `${membership} is seen`,
          async () => (await membershipSeenBy(viewer, roomId, user.userId)) === membership,
        );
      }
    }
  });

  test('a user of the other server invites one of this', async () => {
    const [bob, erin] = [await newFarUser('bob'), await near.newUser(uniqueName('erin'))];
    const roomId = await alice.createRoom({ preset: 'public_chat', power_level_content_override: { invite: 0 } });
    await join(bob, roomId);
    await bob.invite(roomId, erin.userId);
    await untilSynced(erin, invited(roomId));
    await erin.join(roomId);
    await until('bob sees it', async () => (await membershipSeenBy(bob, roomId, erin.userId)) === 'join');
  });

  test('who blocks invitations is not invited from elsewhere either', async () => {
    const bob = await newFarUser('bob');
    const path = `/user/${encode(bob.userId)}/account_data/m.invite_permission_config`;
    await bob.raw('PUT', path, { body: { default_action: 'block' } });
    const roomId = await alice.createRoom({ preset: 'private_chat' });
    const answer = await alice.raw('POST', `/rooms/${encode(roomId)}/invite`, { body: { user_id: bob.userId } });
    assert.deepEqual([answer.status, answer.body['errcode']], [403, 'M_INVITE_BLOCKED']);
    const nobody = await alice.raw('POST', `/rooms/${encode(roomId)}/invite`, {
      body: { user_id: `@nobody:${far.name}` },
    });
    assert.deepEqual([nobody.status, nobody.body['errcode']], [404, 'M_NOT_FOUND']);
  });

  test('a knock is seen, refused, and answered with an invitation', async () => {
    const bob = await newFarUser('bob');
    const roomId = await alice.createRoom({
      preset: 'private_chat',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    });
    const knock = async (): Promise<void> => {
      const path = `/knock/${encode(roomId)}?via=${encode(near.name)}`;
      const answer = await bob.raw('POST', path, { body: { reason: 'please' } });
      assert.equal(answer.status, 200, answer.bodyText);
      assert.equal(await membershipSeenBy(alice, roomId, bob.userId), 'knock');
    };
    await knock();
    await alice.raw('POST', `/rooms/${encode(roomId)}/kick`, { body: { user_id: bob.userId } });
    await knock();
    await alice.invite(roomId, bob.userId);
    await untilSynced(bob, invited(roomId));
    await bob.join(roomId);
    assert.equal(await membershipSeenBy(alice, roomId, bob.userId), 'join');
  });

  test('a restricted room opens to who is in the other room, seen from the server that is in neither', async () => {
    for (const version of ['8', '10', '12']) {
      const bob = await newFarUser('bob');
      const hall = await alice.createRoom({ preset: 'public_chat', room_version: version });
      const allow = [{ type: 'm.room_membership', room_id: hall }];
      const rules = { type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } };
      const roomId = await alice.createRoom({ preset: 'private_chat', room_version: version, initial_state: [rules] });
      const refused = await bob.raw('POST', `/join/${encode(roomId)}?via=${encode(near.name)}`, { body: {} });
      assert.deepEqual([refused.status, refused.body['errcode']], [403, 'M_FORBIDDEN']);
      await join(bob, hall);
      await join(bob, roomId);
      assert.equal(await membershipSeenBy(alice, roomId, bob.userId), 'join');
      // Once in the room its server lets others in by the same rule, where it can: nobody of it may invite.
      const carol = await newFarUser('carol');
      await join(carol, hall);
      await join(carol, roomId);
      await until('alice sees it', async () => (await membershipSeenBy(alice, roomId, carol.userId)) === 'join');
    }
  });

  test('kicks, bans and their lifting reach the other server', async () => {
    const bob = await newFarUser('bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await join(bob, roomId);
    const { nextBatch: since } = await untilSynced(bob, (sync) => sync.join.has(roomId));
    const act = async (action: string): Promise<void> => {
      const answer = await alice.raw('POST', `/rooms/${encode(roomId)}/${action}`, { body: { user_id: bob.userId } });
      assert.equal(answer.status, 200, answer.bodyText);
    };
    await act('kick');
    await until('bob is out', async () => left(roomId)(await bob.sync({ since })));
    await join(bob, roomId);
    await untilSynced(bob, (sync) => sync.join.has(roomId));
    await act('ban');
    await until('bob is out', async () => !(await bob.sync()).join.has(roomId));
    const refused = await bob.raw('POST', `/join/${encode(roomId)}?via=${encode(near.name)}`, { body: {} });
    assert.deepEqual([refused.status, refused.body['errcode']], [403, 'M_FORBIDDEN']);
    await act('unban');
    await join(bob, roomId);
    assert.equal(await membershipSeenBy(alice, roomId, bob.userId), 'join');
  });
});
