/** Owns the tests of presence. Specification: "Presence". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Client } from 'pg';
import { assertError, encode, registerUser, type MatrixHttp, type Query } from '#test/support/matrix-http.ts';
import { readSync, type JsonObject, type SyncAnswer } from '#test/support/matrix-shapes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { sectionOf } from '#test/support/sync-sections.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const switchedOn = { CAUSEWAY_PRESENCE_ENABLED: 'true' };

async function sync(user: MatrixHttp, query: Query = {}): Promise<SyncAnswer> {
  const answer = await user.raw('GET', '/sync', { query });
  assert.equal(answer.status, 200, answer.bodyText);
  return readSync(answer.body);
}

function presenceIn(answer: SyncAnswer): Readonly<Record<string, JsonObject>> {
  return Object.fromEntries(sectionOf(answer.raw, 'presence').map(({ sender, content }) => [sender, content]));
}

function statusPath(user: MatrixHttp): string {
  return `/presence/${encode(user.userId)}/status`;
}

async function setStatus(user: MatrixHttp, body: object): Promise<void> {
  const answer = await user.raw('PUT', statusPath(user), { body });
  assert.equal(answer.status, 200, answer.bodyText);
}

async function meet(alice: MatrixHttp, bob: MatrixHttp): Promise<string> {
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId);
  return roomId;
}

describe('presence', () => {
  const server = useSuiteServer(switchedOn);

  it('of those who sync is told to those who share a room, who are woken, and to nobody else', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    await meet(alice, bob);
    const [before, strange] = [await sync(bob), await sync(carol)];
    assert.deepEqual(presenceIn(before), {});
    const waiting = sync(bob, { since: before.nextBatch, timeout: 20_000 });
    await sync(alice);
    const told = presenceIn(await waiting);
    assert.deepEqual(Object.keys(told), [alice.userId], 'nobody is told of themselves');
    assert.equal(told[alice.userId]?.['presence'], 'online');
    assert.equal(told[alice.userId]?.['currently_active'], true);
    assert.ok(Number(told[alice.userId]?.['last_active_ago']) < 60_000);
    assert.equal(presenceIn(await sync(bob))[alice.userId]?.['presence'], 'online', 'an initial sync has who is there');
    assert.deepEqual(presenceIn(await sync(carol, { since: strange.nextBatch })), {});
    const filter = JSON.stringify({ presence: { not_types: ['*'] } });
    assert.deepEqual(presenceIn(await sync(bob, { filter })), {});
    assertError(await carol.raw('GET', statusPath(alice)), 403, 'M_FORBIDDEN');
  });

  it('is not told of users whom one ignores', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    await meet(alice, bob);
    const path = `/user/${encode(bob.userId)}/account_data/m.ignored_user_list`;
    await bob.raw('PUT', path, { body: { ignored_users: { [alice.userId]: {} } } });
    const { nextBatch: since } = await sync(bob);
    await setStatus(alice, { presence: 'online', status_msg: 'look at me' });
    assert.deepEqual(presenceIn(await sync(bob, { since })), {});
    assert.deepEqual(presenceIn(await sync(bob)), {});
  });

  it('is what a user says it is, with a message', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    await meet(alice, bob);
    const { nextBatch } = await sync(bob);
    await setStatus(alice, { presence: 'unavailable', status_msg: 'at lunch' });
    const read = (await bob.raw('GET', statusPath(alice))).body;
    assert.deepEqual(
      [read['presence'], read['status_msg'], read['currently_active']],
      ['unavailable', 'at lunch', undefined],
    );
    const told = await sync(bob, { since: nextBatch });
    assert.equal(presenceIn(told)[alice.userId]?.['status_msg'], 'at lunch');
    await sync(alice);
    const back = presenceIn(await sync(bob, { since: told.nextBatch }))[alice.userId];
    assert.deepEqual([back?.['presence'], back?.['status_msg']], ['online', 'at lunch']);
    assertError(await bob.raw('PUT', statusPath(alice), { body: { presence: 'online' } }), 403, 'M_FORBIDDEN');
    assertError(await alice.raw('PUT', statusPath(alice), { body: { presence: 'asleep' } }), 400);
  });

  it('comes with the name and the picture, and again when they change', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    await meet(alice, bob);
    const profile = `/profile/${encode(alice.userId)}`;
    const set = async (key: string, value: string): Promise<void> => {
      assert.equal((await alice.raw('PUT', `${profile}/${key}`, { body: { [key]: value } })).status, 200);
    };
    await set('displayname', 'Alice');
    await setStatus(alice, { presence: 'online', status_msg: 'here' });
    let answer = await sync(bob);
    const first = presenceIn(answer)[alice.userId];
    assert.deepEqual([first?.['displayname'], first?.['avatar_url']], ['Alice', undefined]);
    await set('avatar_url', 'mxc://hs1.test/alice');
    let told: JsonObject | undefined;
    for (let tries = 0; told === undefined && tries < 20; tries++) {
      answer = await sync(bob, { since: answer.nextBatch, timeout: 5_000 });
      told = presenceIn(answer)[alice.userId];
    }
    assert.deepEqual(
      [told?.['displayname'], told?.['avatar_url'], told?.['presence'], told?.['status_msg']],
      ['Alice', 'mxc://hs1.test/alice', 'online', 'here'],
    );
  });

  it('is not given away by syncing and sending with set_presence=offline', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await meet(alice, bob);
    await sync(alice, { set_presence: 'offline' });
    await alice.sendText(roomId, 'I am not here');
    assert.deepEqual((await bob.raw('GET', statusPath(alice))).body, { presence: 'offline' });
    await sync(alice, { set_presence: 'unavailable' });
    assert.equal((await bob.raw('GET', statusPath(alice))).body['presence'], 'unavailable');
    await sync(alice);
    assert.equal((await bob.raw('GET', statusPath(alice))).body['presence'], 'online');
  });

  it('comes with the room that one joins', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await sync(alice);
    const { nextBatch } = await sync(bob);
    await bob.join(roomId);
    assert.deepEqual(Object.keys(presenceIn(await sync(bob, { since: nextBatch }))), [alice.userId]);
  });

  it('comes with whoever joins', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await Promise.all([sync(bob), sync(carol)]);
    const first = await sync(alice);
    assert.deepEqual(presenceIn(first), {});
    await bob.join(roomId);
    const second = await sync(alice, { since: first.nextBatch });
    assert.deepEqual(Object.keys(presenceIn(second)), [bob.userId]);
    assert.deepEqual(presenceIn(await sync(alice, { since: second.nextBatch })), {});
  });
});

it('a user of whom nothing is heard any more is offline, and one who does nothing is idle', async () => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url, env: switchedOn });
  const register = (): Promise<MatrixHttp> => registerUser(server.baseUrl);
  const [alice, bob, carol] = [await register(), await register(), await register()];
  await carol.join(await meet(alice, bob));
  for (const user of [alice, carol]) await sync(user);
  const first = await sync(bob);
  // The clock of a server cannot be moved from outside, but what it has noted can.
  await using stack = new AsyncDisposableStack();
  const client = new Client(database.connection);
  await client.connect();
  stack.defer(() => client.end());
  const ofUser = 'where user_nid = (select user_nid from users where user_id = $1)';
  await client.query(`update presence set last_active_at = last_active_at - 301000 ${ofUser}`, [alice.userId]);
  await client.query(`update presence set connected_until = 1 ${ofUser}`, [carol.userId]);
  const told = presenceIn(await sync(bob, { since: first.nextBatch, timeout: 30_000 }));
  assert.equal(told[alice.userId]?.['presence'], 'unavailable');
  assert.equal(told[carol.userId]?.['presence'], 'offline');
});

describe('presence that is switched off', () => {
  const server = useSuiteServer();

  it('is nobody’s', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    await meet(alice, bob);
    await sync(alice);
    assert.deepEqual(presenceIn(await sync(bob)), {});
    assert.deepEqual((await bob.raw('GET', statusPath(alice))).body, { presence: 'offline' });
    assertError(await alice.raw('PUT', statusPath(alice), { body: { presence: 'online' } }), 403, 'M_FORBIDDEN');
  });
});
