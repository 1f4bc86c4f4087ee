/** Owns the tests of guests: what they may call is in the table of who may call what. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'node:test';
import {
  assertError,
  encode,
  logIn,
  openSession,
  readSession,
  registerGuest,
  request,
  testPassword,
  uniqueName,
  type Answer,
  type MatrixHttp,
} from '#test/support/matrix-http.ts';
import { text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const path = '/_matrix/client/v3/register';

describe('guests', () => {
  const server = useSuiteServer({ CAUSEWAY_REGISTRATION_GUESTS: 'true' });

  const openRoom = (owner: MatrixHttp, more: JsonObject = {}): Promise<string> =>
    owner.createRoom({
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.guest_access', state_key: '', content: { guest_access: 'can_join' } }],
      ...more,
    });
  const membershipOf = async (owner: MatrixHttp, roomId: string, user: MatrixHttp): Promise<unknown> =>
    (await owner.getState(roomId, 'm.room.member', user.userId))['membership'];
  const untilGone = async (owner: MatrixHttp, roomId: string, guest: MatrixHttp): Promise<void> => {
    const untilMs = performance.now() + 30_000;
    while ((await membershipOf(owner, roomId, guest)) !== 'leave') {
      assert.ok(performance.now() < untilMs, 'the guest leaves');
      await delay(50);
    }
  };
  const becomeUser = async (guest: MatrixHttp, more: JsonObject): Promise<Answer> => {
    const body = { password: testPassword, guest_access_token: guest.accessToken, ...more };
    const first = await request(server.baseUrl, 'POST', path, { body });
    if (first.status !== 401) return first;
    const auth = { type: 'm.login.dummy', session: first.body['session'] };
    return request(server.baseUrl, 'POST', path, { body: { ...body, auth } });
  };

  it('get a name and a device, whatever they ask for', async () => {
    const body = { username: uniqueName('wanted'), device_id: 'WANTED', password: testPassword, refresh_token: true };
    const made = await request(server.baseUrl, 'POST', path, {
      query: { kind: 'guest' },
      body: { ...body, initial_device_display_name: 'A browser' },
    });
    assert.equal(made.status, 200, made.bodyText);
    assert.notEqual(made.body['device_id'], 'WANTED');
    assert.ok(!text(made.body, 'user_id').includes(body.username));
    assert.equal(made.body['refresh_token'], undefined);
    const guest = openSession(server.baseUrl, readSession(made.body));
    const whoami = await guest.raw('GET', '/account/whoami');
    assert.deepEqual(whoami.body, { user_id: guest.userId, device_id: guest.deviceId, is_guest: true });
    const device = await guest.raw('GET', `/devices/${guest.deviceId}`);
    assert.equal(device.body['display_name'], 'A browser');
  });

  it('join rooms that take guests, and no others', async () => {
    const [owner] = await server.newUsers('owner');
    const guest = await registerGuest(server.baseUrl);
    const [open, closed] = [await openRoom(owner), await owner.createRoom({ preset: 'public_chat' })];
    await guest.join(open);
    await guest.sendText(open, 'hello from outside');
    assert.equal(await membershipOf(owner, open, guest), 'join');
    const join = `/rooms/${encode(closed)}/join`;
    assertError(await guest.raw('POST', join, { body: {} }), 403, 'M_GUEST_ACCESS_FORBIDDEN');
    const own = `/rooms/${encode(closed)}/state/m.room.member/${encode(guest.userId)}`;
    const byState = await guest.raw('PUT', own, { body: { membership: 'join' } });
    assertError(byState, 403, 'M_GUEST_ACCESS_FORBIDDEN');
    await owner.invite(closed, guest.userId);
    assertError(await guest.raw('POST', join, { body: {} }), 403, 'M_GUEST_ACCESS_FORBIDDEN');
    assert.equal(await membershipOf(owner, closed, guest), 'invite');
  });

  it('look into rooms that the world may read, and follow one of them', async () => {
    const [owner] = await server.newUsers('owner');
    const guest = await registerGuest(server.baseUrl);
    const roomId = await owner.createRoom({
      preset: 'public_chat',
      initial_state: [
        { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'world_readable' } },
      ],
    });
    const eventId = await owner.sendText(roomId, 'for all to read');
    assert.ok((await guest.getHistory(roomId)).some((event) => event.event_id === eventId));
    const preview = await guest.raw('GET', `/rooms/${encode(roomId)}/initialSync`);
    assert.ok(preview.bodyText.includes(eventId));
    assert.equal((await guest.raw('GET', '/events', { query: { room_id: roomId } })).status, 200);
    assertError(await guest.raw('GET', '/events'), 403, 'M_GUEST_ACCESS_FORBIDDEN');
  });

  it('leave when the room takes guests no more, also by a redaction, and users stay', async () => {
    const [owner, user] = await server.newUsers('owner', 'user');
    const guest = await registerGuest(server.baseUrl);
    const [changed, redacted] = [await openRoom(owner), await openRoom(owner)];
    for (const roomId of [changed, redacted]) {
      await guest.join(roomId);
      await user.join(roomId);
    }
    await owner.setState(changed, 'm.room.guest_access', { guest_access: 'forbidden' });
    const state = await owner.getFullState(redacted);
    const rule = state.find(({ type }) => type === 'm.room.guest_access');
    await owner.redact(redacted, rule?.event_id ?? '');
    for (const roomId of [changed, redacted]) {
      await untilGone(owner, roomId, guest);
      assert.equal(await membershipOf(owner, roomId, user), 'join');
      const summary = await request(server.baseUrl, 'GET', `/_matrix/client/v1/room_summary/${encode(roomId)}`);
      assert.equal(summary.body['guest_can_join'], false);
    }
  });

  it('are not left behind in a room that closes itself while they come in', async () => {
    const [owner] = await server.newUsers('owner');
    const guests = await Promise.all(Array.from({ length: 12 }, () => registerGuest(server.baseUrl)));
    const roomId = await openRoom(owner);
    const join = (guest: MatrixHttp): Promise<Answer> =>
      guest.raw('POST', `/rooms/${encode(roomId)}/join`, { body: {} });
    const entering = guests.map(join);
    await Promise.race(entering);
    await owner.setState(roomId, 'm.room.guest_access', { guest_access: 'forbidden' });
    for (const answer of await Promise.all(entering)) assert.ok([200, 403].includes(answer.status), answer.bodyText);
    const untilMs = performance.now() + 30_000;
    const inside = async (): Promise<number> => (await owner.getMembers(roomId, { membership: 'join' })).length;
    while ((await inside()) > 1) {
      assert.ok(performance.now() < untilMs, 'all guests leave');
      await delay(50);
    }
  });

  it('change their display name, and nothing else of their profile', async () => {
    const guest = await registerGuest(server.baseUrl);
    const field = (name: string): string => `/profile/${encode(guest.userId)}/${name}`;
    assert.equal((await guest.raw('PUT', field('displayname'), { body: { displayname: 'Visitor' } })).status, 200);
    const shown = await guest.raw('GET', field('displayname'));
    assert.deepEqual(shown.body, { displayname: 'Visitor' });
    const avatar = { body: { avatar_url: 'mxc://hs1.test/a' } };
    assertError(await guest.raw('PUT', field('avatar_url'), avatar), 403, 'M_GUEST_ACCESS_FORBIDDEN');
    assertError(await guest.raw('DELETE', field('avatar_url')), 403, 'M_GUEST_ACCESS_FORBIDDEN');
    assert.equal((await guest.raw('DELETE', field('displayname'))).status, 200);
    assert.deepEqual((await guest.raw('GET', `/profile/${encode(guest.userId)}`)).body, {});
  });

  it('become users by registering under their name', async () => {
    const [owner] = await server.newUsers('owner');
    const guest = await registerGuest(server.baseUrl);
    const roomId = await openRoom(owner);
    await guest.join(roomId);
    const localpart = guest.userId.slice(1, guest.userId.indexOf(':'));
    assertError(await becomeUser(guest, {}), 400, 'M_MISSING_PARAM');
    assertError(await becomeUser(guest, { username: uniqueName('other') }), 403, 'M_FORBIDDEN');
    const stolen = await becomeUser(guest, { username: localpart, guest_access_token: owner.accessToken });
    assertError(stolen, 403, 'M_FORBIDDEN');
    const made = await becomeUser(guest, { username: localpart });
    assert.equal(made.status, 200, made.bodyText);
    assert.equal(made.body['user_id'], guest.userId);
    for (const device of [guest, await logIn(server.baseUrl, localpart)]) {
      const whoami = await device.raw('GET', '/account/whoami');
      assert.equal(whoami.body['is_guest'], false);
      assert.ok((await device.createRoom()).startsWith('!'));
    }
    assertError(await becomeUser(guest, { username: localpart }), 403, 'M_FORBIDDEN');
    await owner.setState(roomId, 'm.room.guest_access', { guest_access: 'forbidden' });
    const late = await registerGuest(server.baseUrl);
    const closed = await late.raw('POST', `/rooms/${encode(roomId)}/join`, { body: {} });
    assertError(closed, 403, 'M_GUEST_ACCESS_FORBIDDEN');
    assert.equal(await membershipOf(owner, roomId, guest), 'join', 'who has become a user stays');
  });
});

describe('a server without guests', () => {
  const server = useSuiteServer();

  it('says so', async () => {
    const answer = await request(server.baseUrl, 'POST', path, { query: { kind: 'guest' }, body: {} });
    assertError(answer, 403, 'M_GUEST_ACCESS_FORBIDDEN');
  });
});
