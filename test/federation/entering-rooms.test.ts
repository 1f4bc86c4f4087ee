/** Proves that rooms of another server are entered as they are by then: of each version, by alias, by invite, with its help. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFederation, type FederatedServer, type FederatedServers } from '#test/support/federated-servers.ts';
import { assertError, encode, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, type SyncAnswer } from '#test/support/matrix-shapes.ts';

describe('entering rooms of another server', () => {
  let federation: FederatedServers;
  let one: FederatedServer;
  let other: FederatedServer;
  before(async () => {
    federation = await startFederation(2);
    const [first, second] = federation.servers;
    assert.ok(first && second);
    [one, other] = [first, second];
  });
  after(() => federation[Symbol.asyncDispose]());

  const newUsers = (): Promise<[MatrixHttp, MatrixHttp]> =>
    Promise.all([one.newUser(uniqueName('alice')), other.newUser(uniqueName('bob'))]);
  const join = (who: MatrixHttp, room: string, via: readonly string[] = []): Promise<Answer> =>
    who.raw('POST', `/join/${encode(room)}?${via.map((name) => `via=${encode(name)}`).join('&')}`, { body: {} });

  for (const version of ['1', '6', '9', '10', '11', '12']) {
    test(`a public room of version ${version} is joined, left and joined again, and both servers agree`, async () => {
      const [alice, bob] = await newUsers();
      const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, topic: 'then' });
      assertOk(await join(bob, roomId, [one.name]));
      await syncUntil(alice, (answer) => seesMember(answer, roomId, bob.userId, 'join'));
      assert.deepEqual(await membersOf(bob, roomId), await membersOf(alice, roomId));
      await bob.leave(roomId);
      await syncUntil(alice, (answer) => seesMember(answer, roomId, bob.userId, 'leave'));
      await alice.setState(roomId, 'm.room.topic', { topic: 'now' });
      assertOk(await join(bob, roomId, [one.name]));
      assert.deepEqual(await bob.getState(roomId, 'm.room.topic'), { topic: 'now' });
      const said = await bob.sendText(roomId, 'I am back');
      await syncUntil(alice, (answer) => hasEvent(answer, roomId, said));
      const answered = await alice.sendText(roomId, 'so you are');
      await syncUntil(bob, (answer) => hasEvent(answer, roomId, answered));
    });
  }

  test('a room is joined by its alias', async () => {
    const [alice, bob] = await newUsers();
    const name = uniqueName('room');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: name });
    const answer = await join(bob, `#${name}:${one.name}`);
    assert.deepEqual([answer.status, answer.body], [200, { room_id: roomId }]);
    const found = await bob.raw('GET', `/directory/room/${encode(`#${name}:${one.name}`)}`);
    assert.deepEqual(found.body['room_id'], roomId);
  });

  test('an invite is enough to join, and the invited are shown the invite as what was before', async () => {
    const [alice, bob] = await newUsers();
    const body = { preset: 'private_chat', name: 'Come', is_direct: true, invite: [bob.userId] };
    const roomId = await alice.createRoom(body);
    const invited = await syncUntil(bob, (answer) => answer.invite.has(roomId));
    assert.ok(
      invited.invite.get(roomId)?.some(({ type, content }) => type === 'm.room.name' && content['name'] === 'Come'),
    );
    assertOk(await join(bob, roomId));
    const entered = await syncUntil(bob, (answer) => answer.join.has(roomId));
    const own = entered.join
      .get(roomId)
      ?.timeline.find((event) => event.state_key === bob.userId && event.content['membership'] === 'join');
    const before = own?.unsigned['prev_content'];
    const { membership, is_direct: isDirect } = asObject(before, 'prev_content');
    assert.deepEqual([membership, isDirect], ['invite', true]);
    assert.equal((await bob.sync()).invite.has(roomId), false);
    await syncUntil(alice, (answer) => seesMember(answer, roomId, bob.userId, 'join'));
  });

  test('a restricted room is joined by members of the room that it names, and by nobody else', async () => {
    const [alice, bob] = await newUsers();
    const space = await alice.createRoom({ preset: 'public_chat', name: 'Space' });
    const rules = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] };
    const initial = [{ type: 'm.room.join_rules', state_key: '', content: rules }];
    const roomId = await alice.createRoom({ room_version: '10', initial_state: initial });
    assertError(await join(bob, roomId, [one.name]), 403, 'M_FORBIDDEN');
    assertOk(await join(bob, space, [one.name]));
    await syncUntil(alice, (answer) => seesMember(answer, space, bob.userId, 'join'));
    assertOk(await join(bob, roomId, [one.name]));
    const member = await alice.getState(roomId, 'm.room.member', bob.userId);
    assert.equal(member['join_authorised_via_users_server'], alice.userId);
    // One who comes later is let in by the other server, for bob may invite nobody.
    const carol = await other.newUser(uniqueName('carol'));
    await alice.setState(roomId, 'm.room.power_levels', { users: { [alice.userId]: 100 }, invite: 50 });
    await syncUntil(bob, (answer) => stateOf(answer, roomId, 'm.room.power_levels')?.['invite'] === 50);
    assertOk(await join(carol, space, [one.name]));
    await syncUntil(alice, (answer) => seesMember(answer, space, carol.userId, 'join'));
    assertOk(await join(carol, roomId, [one.name]));
    assert.deepEqual(await membersOf(carol, roomId), await membersOf(alice, roomId));
  });

  // The last: the other server goes.
  test('an invite of a server that is gone is rejected here alone', async () => {
    const [alice, bob] = await newUsers();
    const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] });
    await syncUntil(bob, (answer) => answer.invite.has(roomId));
    await one.stop();
    await bob.leave(roomId);
    const answer = await bob.sync();
    assert.equal(answer.invite.has(roomId), false);
    assert.equal((await bob.raw('POST', `/rooms/${encode(roomId)}/forget`)).status, 200);
  });
});

function assertOk({ status, bodyText }: Answer): void {
  assert.equal(status, 200, bodyText);
}

/** Waits for what a sync tells, for as long as 40 s. */
async function syncUntil(user: MatrixHttp, isSeen: (answer: SyncAnswer) => boolean): Promise<SyncAnswer> {
  const signal = AbortSignal.timeout(40_000);
  let since: string | undefined;
  for (;;) {
    const answer = await user.sync({ since, timeout: since === undefined ? 0 : 5_000 });
    if (isSeen(answer)) return answer;
    since = answer.nextBatch;
    signal.throwIfAborted();
  }
}

function seesMember(answer: SyncAnswer, roomId: string, userId: string, membership: string): boolean {
  const room = answer.join.get(roomId);
  const events = [...(room?.state ?? []), ...(room?.timeline ?? [])];
  const last = events.findLast((event) => event.type === 'm.room.member' && event.state_key === userId);
  return last?.content['membership'] === membership;
}

function stateOf(answer: SyncAnswer, roomId: string, type: string): { readonly [key: string]: unknown } | undefined {
  const room = answer.join.get(roomId);
  return [...(room?.state ?? []), ...(room?.timeline ?? [])].findLast((event) => event.type === type)?.content;
}

function hasEvent(answer: SyncAnswer, roomId: string, eventId: string): boolean {
  return answer.join.get(roomId)?.timeline.some((event) => event.event_id === eventId) === true;
}

async function membersOf(user: MatrixHttp, roomId: string): Promise<[string, unknown][]> {
  const members = (await user.getMembers(roomId)).map((event): [string, unknown] => [
    event.state_key ?? '',
    event.content['membership'],
  ]);
  return members.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
