/** Owns the tests of administrators, and of accounts that they lock or suspend. Specification: "Account moderation". */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startAdministeredServer, type AdministeredServer } from '#test/support/administered-server.ts';
import { confirmed } from '#test/support/confirmed.ts';
import {
  assertError,
  encode,
  logIn,
  registerUser,
  request,
  uniqueName,
  type Answer,
  type MatrixHttp,
} from '#test/support/matrix-http.ts';
import { asObject } from '#test/support/matrix-shapes.ts';

describe('administrators', () => {
  let running: AdministeredServer | undefined;
  before(async () => {
    running = await startAdministeredServer();
  });
  after(() => running?.[Symbol.asyncDispose]());
  const admin = (): MatrixHttp => {
    assert.ok(running !== undefined);
    return running.admin;
  };
  const baseUrl = (): string => admin().baseUrl;
  const newUser = (name: string): Promise<MatrixHttp> => registerUser(baseUrl(), uniqueName(name));
  const whoami = (user: MatrixHttp): Promise<Answer> => user.raw('GET', '/account/whoami');
  const moderate = (by: MatrixHttp, kind: string, userId: string, body?: object): Promise<Answer> =>
    request(baseUrl(), body === undefined ? 'GET' : 'PUT', `/_matrix/client/v1/admin/${kind}/${encode(userId)}`, {
      token: by.accessToken,
      ...(body === undefined ? {} : { body }),
    });

  it('lock accounts, whose owners are then told so by everything but logout, and keep their tokens', async () => {
    const alice = await newUser('alice');
    const other = await logIn(baseUrl(), alice.userId);
    const roomId = await alice.createRoom();
    assert.deepEqual((await moderate(admin(), 'lock', alice.userId)).body, { locked: false });
    assert.deepEqual((await moderate(admin(), 'lock', alice.userId, { locked: true })).body, { locked: true });
    assert.deepEqual((await moderate(admin(), 'lock', alice.userId)).body, { locked: true });
    for (const answer of [
      await whoami(alice),
      await alice.raw('GET', '/sync'),
      await alice.raw('GET', '/devices'),
      await request(baseUrl(), 'GET', '/_matrix/client/versions', { token: alice.accessToken }),
      await alice.raw('POST', `/rooms/${encode(roomId)}/leave`),
      await alice.raw('POST', '/login', {
        body: { type: 'm.login.password', user: alice.userId, password: 'correct horse battery staple' },
      }),
    ]) {
      assertError(answer, 401, 'M_USER_LOCKED');
      assert.equal(answer.body['soft_logout'], true);
    }
    assert.equal((await other.raw('POST', '/logout')).status, 200);
    await moderate(admin(), 'lock', alice.userId, { locked: false });
    assert.equal((await whoami(alice)).status, 200);
    assertError(await whoami(other), 401, 'M_UNKNOWN_TOKEN');
  });

  it('suspend accounts, whose owners then read, leave and tidy up, but say nothing (V45)', async () => {
    const [alice, bob] = [await newUser('alice'), await newUser('bob')];
    const roomId = await alice.createRoom({ invite: [bob.userId] });
    await bob.join(roomId);
    const open = await bob.createRoom({ preset: 'public_chat' });
    const [own, theirs] = [await alice.sendText(roomId, 'mine'), await bob.sendText(roomId, 'yours')];
    const invited = await bob.createRoom({ invite: [alice.userId] });
    assert.deepEqual((await moderate(admin(), 'suspend', alice.userId, { suspended: true })).body, { suspended: true });
    assert.deepEqual((await moderate(admin(), 'suspend', alice.userId)).body, { suspended: true });
    const room = `/rooms/${encode(roomId)}`;
    const refused: [string, string, object][] = [
      ['PUT', `${room}/send/m.room.message/1`, { msgtype: 'm.text', body: 'x' }],
      ['PUT', `${room}/state/m.room.name`, { name: 'x' }],
      ['PUT', `${room}/redact/${encode(theirs)}/1`, {}],
      ['POST', `${room}/invite`, { user_id: admin().userId }],
      ['POST', `${room}/kick`, { user_id: bob.userId }],
      ['POST', `${room}/ban`, { user_id: bob.userId }],
      ['POST', `/join/${encode(open)}`, {}],
      ['POST', `/rooms/${encode(invited)}/join`, {}],
      ['POST', `/knock/${encode(open)}`, {}],
      ['POST', '/createRoom', {}],
      ['PUT', `/profile/${encode(alice.userId)}/displayname`, { displayname: 'x' }],
      ['DELETE', `/profile/${encode(alice.userId)}/displayname`, {}],
    ];
    for (const [method, path, body] of refused) {
      assertError(await alice.raw(method, path, { body }), 403, 'M_USER_SUSPENDED');
    }
    const second = await logIn(baseUrl(), alice.userId);
    assert.equal((await second.sync()).join.has(roomId), true);
    assert.equal((await alice.raw('PUT', `${room}/redact/${encode(own)}/2`, { body: {} })).status, 200);
    assert.equal((await confirmed(alice, 'DELETE', `/devices/${second.deviceId}`)).status, 200);
    await alice.leave(invited);
    await alice.leave(roomId);
    const members = await bob.getMembers(roomId);
    assert.equal(members.find(({ state_key }) => state_key === alice.userId)?.content['membership'], 'leave');
    await moderate(admin(), 'suspend', alice.userId, { suspended: false });
    await alice.join(open);
  });

  it('are asked for before anybody is looked up, and spare one another', async () => {
    const [alice, bob] = [await newUser('alice'), await newUser('bob')];
    for (const kind of ['lock', 'suspend']) {
      for (const target of [bob.userId, '@nobody:hs1.test', '@x:elsewhere.test', alice.userId]) {
        const refusal = await moderate(alice, kind, target);
        assertError(refusal, 403, 'M_FORBIDDEN');
        assert.equal(refusal.bodyText, (await moderate(alice, kind, bob.userId)).bodyText);
        assertError(await moderate(alice, kind, target, { locked: true, suspended: true }), 403, 'M_FORBIDDEN');
      }
      assertError(await moderate(admin(), kind, '@x:elsewhere.test'), 400, 'M_INVALID_PARAM');
      assertError(await moderate(admin(), kind, '@nobody:hs1.test'), 404, 'M_NOT_FOUND');
      assertError(await moderate(admin(), kind, admin().userId, { locked: true, suspended: true }), 403, 'M_FORBIDDEN');
      assertError(await moderate(admin(), kind, bob.userId, {}), 400, 'M_MISSING_PARAM');
    }
    await confirmed(bob, 'POST', '/account/deactivate');
    assertError(await moderate(admin(), 'lock', bob.userId), 404, 'M_NOT_FOUND');
    assert.equal((await whoami(alice)).status, 200);
  });

  it('are told by the capabilities what they may do, and others nothing', async () => {
    const alice = await newUser('alice');
    const capabilitiesOf = async (user: MatrixHttp) =>
      asObject((await user.raw('GET', '/capabilities')).body['capabilities'], 'capabilities');
    assert.deepEqual((await capabilitiesOf(admin()))['m.account_moderation'], { lock: true, suspend: true });
    const others = await capabilitiesOf(alice);
    assert.equal(others['m.account_moderation'], undefined);
    const stable = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [String(index + 1), 'stable']));
    assert.deepEqual(others['m.room_versions'], { default: '12', available: stable });
    for (const flag of ['m.change_password', 'm.set_displayname', 'm.set_avatar_url', 'm.profile_fields']) {
      assert.deepEqual(others[flag], { enabled: true }, flag);
    }
    assert.deepEqual(others['m.get_login_token'], { enabled: true });
    assert.deepEqual(others['m.3pid_changes'], { enabled: false });
    assert.deepEqual(others['m.forget_forced_upon_leave'], { enabled: false });
  });

  it('see the sessions of everybody, and others only their own', async () => {
    const [alice, bob] = [await newUser('alice'), await newUser('bob')];
    const tablet = await logIn(baseUrl(), alice.userId);
    const path = `/admin/whois/${encode(alice.userId)}`;
    assertError(await bob.raw('GET', path), 403, 'M_FORBIDDEN');
    assertError(await admin().raw('GET', `/admin/whois/${encode('@nobody:hs1.test')}`), 404, 'M_NOT_FOUND');
    for (const reader of [alice, admin()]) {
      const { status, body } = await reader.raw('GET', path);
      assert.equal(status, 200);
      assert.equal(body['user_id'], alice.userId);
      const devices = Object.keys(asObject(body['devices'], 'devices'));
      assert.deepEqual(devices, [alice.deviceId, tablet.deviceId]);
    }
  });
});
