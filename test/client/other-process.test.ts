/**
 * Owns the tests that what a client does at one process holds at another, which remembers how it was (O28). What each
 * process remembers is in docs/processes.md; that removed devices are refused is in revocation.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startAdministeredServer, type AdministeredServer } from '#test/support/administered-server.ts';
import { confirmed } from '#test/support/confirmed.ts';
import {
  assertError,
  encode,
  logIn,
  openSession,
  registerUser,
  request,
  testPassword,
  uniqueName,
  type Answer,
  type MatrixHttp,
} from '#test/support/matrix-http.ts';
import { asObject } from '#test/support/matrix-shapes.ts';
import { startServerProcess, type ServerProcess } from '#test/support/server-process.ts';

const whoami = (user: MatrixHttp): Promise<Answer> => user.raw('GET', '/account/whoami');

/** Asks until the session is taken, or no longer. What is promised is five seconds; a busy machine gets more. */
async function untilAnswered(user: MatrixHttp, isWanted: (status: number) => boolean): Promise<Answer> {
  for (let turns = 0; turns < 400; turns++) {
    const answer = await whoami(user);
    if (isWanted(answer.status)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('The other process goes on with what it remembers.');
}
const untilRefused = (user: MatrixHttp): Promise<Answer> => untilAnswered(user, (status) => status !== 200);

/** Syncs on until an answer satisfies the condition, and gives its token. */
async function untilSynced(user: MatrixHttp, since: string, isTold: (answer: string) => boolean): Promise<string> {
  for (let turns = 0; turns < 50; turns++) {
    const answer = await user.sync({ since, timeout: 2_000 });
    if (isTold(JSON.stringify(answer.raw))) return answer.nextBatch;
    since = answer.nextBatch;
  }
  throw new Error('The other process does not tell it.');
}

describe('another process of the same server', () => {
  let one: AdministeredServer;
  let other: ServerProcess;

  before(async () => {
    one = await startAdministeredServer();
    other = await startServerProcess({ databaseUrl: one.databaseUrl });
  });
  after(async () => {
    await other[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
  });

  /** A new user at the first process, and the same session at the other, which knows its token already. */
  async function newUser(name: string): Promise<readonly [MatrixHttp, MatrixHttp]> {
    const user = await registerUser(one.server.baseUrl, uniqueName(name));
    return [user, await known(user)];
  }
  async function known(user: MatrixHttp): Promise<MatrixHttp> {
    const elsewhere = openSession(other.baseUrl, user);
    assert.equal((await whoami(elsewhere)).status, 200);
    return elsewhere;
  }
  const logInThere = (userId: string, password: string): Promise<Answer> =>
    request(other.baseUrl, 'POST', '/_matrix/client/v3/login', {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: userId }, password },
    });

  it('refuses the devices that a change of password logged out, and the old password', async () => {
    const [alice, stays] = await newUser('alice');
    const loggedOut = await known(await logIn(one.server.baseUrl, alice.userId));
    const body = { new_password: 'another long passphrase', logout_devices: true };
    assert.equal((await confirmed(alice, 'POST', '/account/password', body)).status, 200);
    assertError(await logInThere(alice.userId, testPassword), 403, 'M_FORBIDDEN');
    assert.equal((await logInThere(alice.userId, body.new_password)).status, 200);
    assertError(await untilRefused(loggedOut), 401, 'M_UNKNOWN_TOKEN');
    assert.equal((await whoami(stays)).status, 200);
  });

  it('refuses a token that a new login on the same device has replaced', async () => {
    const [alice, elsewhere] = await newUser('alice');
    const login = await request(one.server.baseUrl, 'POST', '/_matrix/client/v3/login', {
      body: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: alice.userId },
        password: testPassword,
        device_id: alice.deviceId,
      },
    });
    assert.equal(login.status, 200);
    assertError(await untilRefused(elsewhere), 401, 'M_UNKNOWN_TOKEN');
  });

  it('refuses everything of a deactivated account', async () => {
    const [alice, elsewhere] = await newUser('alice');
    const [bob] = await newUser('bob');
    const roomId = await bob.createRoom({ preset: 'public_chat' });
    await elsewhere.join(roomId);
    assert.equal((await confirmed(alice, 'POST', '/account/deactivate')).status, 200);
    assertError(await logInThere(alice.userId, testPassword), 403, 'M_USER_DEACTIVATED', 'M_FORBIDDEN');
    assertError(await untilRefused(elsewhere), 401, 'M_UNKNOWN_TOKEN');
  });

  it('follows when an administrator locks an account, and when that ends', async () => {
    const [alice, elsewhere] = await newUser('alice');
    const lock = (locked: boolean): Promise<Answer> =>
      request(one.server.baseUrl, 'PUT', `/_matrix/client/v1/admin/lock/${encode(alice.userId)}`, {
        token: one.admin.accessToken,
        body: { locked },
      });
    assert.equal((await lock(true)).status, 200);
    assertError(await untilRefused(elsewhere), 401, 'M_USER_LOCKED');
    assert.equal((await lock(false)).status, 200);
    await untilAnswered(elsewhere, (status) => status === 200);
  });

  it('keeps the messages away of whom a user has begun to ignore', async () => {
    const [alice] = await newUser('alice');
    const [bob, bobThere] = await newUser('bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bobThere.join(roomId);
    let since = (await bobThere.sync()).nextBatch;
    const path = `/user/${encode(bob.userId)}/account_data/m.ignored_user_list`;
    assert.equal((await bob.raw('PUT', path, { body: { ignored_users: { [alice.userId]: {} } } })).status, 200);
    since = await untilSynced(bobThere, since, (answer) => answer.includes('m.ignored_user_list'));
    const hidden = await alice.sendText(roomId, 'hidden');
    const last = await bob.sendText(roomId, 'last');
    const seen: string[] = [];
    await untilSynced(bobThere, since, (answer) => {
      seen.push(answer);
      return answer.includes(last);
    });
    assert.ok(!seen.join('').includes(hidden), 'a message of somebody who is ignored');
  });

  it('lets a user do what the power levels have come to allow, and no longer what they have ceased to', async () => {
    const [alice] = await newUser('alice');
    const [bob, bobThere] = await newUser('bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const levels = await alice.getState(roomId, 'm.room.power_levels');
    await bobThere.join(roomId);
    await bobThere.sendText(roomId, 'the room is remembered here');
    const setTopic = (topic: string): Promise<Answer> =>
      bobThere.raw('PUT', `/rooms/${encode(roomId)}/state/m.room.topic/`, { body: { topic } });
    assertError(await setTopic('refused'), 403, 'M_FORBIDDEN');
    await alice.setState(roomId, 'm.room.power_levels', { ...levels, users: { ...usersOf(levels), [bob.userId]: 50 } });
    assert.equal((await setTopic('allowed')).status, 200, 'at once, and not when the room is next read');
    await alice.setState(roomId, 'm.room.power_levels', levels);
    assertError(await setTopic('refused again'), 403, 'M_FORBIDDEN');
  });

  it('takes no message of somebody who was banned, and lets them join when that has ended', async () => {
    const [alice] = await newUser('alice');
    const [bob, bobThere] = await newUser('bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bobThere.join(roomId);
    await bobThere.sendText(roomId, 'hello');
    const change = async (verb: string): Promise<void> => {
      const answer = await alice.raw('POST', `/rooms/${encode(roomId)}/${verb}`, { body: { user_id: bob.userId } });
      assert.equal(answer.status, 200, answer.bodyText);
    };
    await change('ban');
    const path = `/rooms/${encode(roomId)}/send/m.room.message/banned`;
    assertError(await bobThere.raw('PUT', path, { body: { msgtype: 'm.text', body: 'no' } }), 403, 'M_FORBIDDEN');
    await change('unban');
    await bobThere.join(roomId);
    await bobThere.sendText(roomId, 'back');
  });

  it('counts what is unread by the push rules as they have become', async () => {
    const [alice] = await newUser('alice');
    const [bob, bobThere] = await newUser('bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bobThere.join(roomId);
    await alice.sendText(roomId, 'counted');
    const countOf = async (): Promise<unknown> => {
      const room = (await bobThere.sync()).join.get(roomId);
      return asObject(room?.raw['unread_notifications'], 'unread_notifications')['notification_count'];
    };
    for (let turns = 0; (await countOf()) !== 1; turns++) assert.ok(turns < 400, 'the message counts');
    const rule = `/pushrules/global/room/${encode(roomId)}`;
    assert.equal((await bob.raw('PUT', rule, { body: { actions: [] } })).status, 200);
    for (let turns = 0; (await countOf()) !== 0; turns++) assert.ok(turns < 400, 'the muted room counts nothing');
  });
});

function usersOf(levels: Readonly<Record<string, unknown>>): object {
  const { users } = levels;
  return typeof users === 'object' && users !== null ? users : {};
}
