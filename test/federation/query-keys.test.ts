/** Proves how the keys of users of other servers are found: asked for, judged and remembered. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeCrossSigning, makeDeviceKeys, makeOneTimeKeys, signAs } from '#test/encryption/test-keys.ts';
import { enterRoom, exitRoom } from '#test/federation/shared-rooms.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, type JsonObject } from '#test/support/matrix-shapes.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';

const queryPath = '/_matrix/federation/v1/user/keys/query';
const claimPath = '/_matrix/federation/v1/user/keys/claim';

describe('the keys of users of other servers', () => {
  let server: FederatedServer;
  let peer: Peer;
  let alice: MatrixHttp;
  before(async () => {
    [server, peer] = await Promise.all([startFederatedServer('asking.localhost'), startPeer()]);
    alice = await server.newUser('alice');
  });
  after(async () => {
    await Promise.all([server[Symbol.asyncDispose](), peer[Symbol.asyncDispose]()]);
  });

  const query = async (device_keys: JsonObject, more: JsonObject = {}): Promise<JsonObject> => {
    const answer = await alice.raw('POST', '/keys/query', { body: { device_keys, ...more } });
    assert.equal(answer.status, 200, answer.bodyText);
    return answer.body;
  };
  const countAsked = (userId: string): number =>
    peer.requests.filter(({ target, bodyText }) => target === queryPath && bodyText.includes(userId)).length;
  const user = (localpart: string) => {
    const userId = peer.userId(localpart);
    return { userId, deviceId: 'PHONE', ...makeDeviceKeys({ userId, deviceId: 'PHONE' }) };
  };

  test('come as their server tells them, and only what has the shape, is of the user, and is rightly signed', async () => {
    const [bob, carol] = [user('bob'), user('carol')];
    const signing = makeCrossSigning(bob.userId);
    const foreign = makeCrossSigning(bob.userId);
    peer.answer('POST', queryPath, () => ({
      device_keys: {
        [bob.userId]: {
          PHONE: { ...bob.keys, unsigned: { device_display_name: 'Phone', more: 1 } },
          MINE: bob.keys,
          BROKEN: { user_id: bob.userId, device_id: 'BROKEN' },
          THEIRS: carol.keys,
        },
        [carol.userId]: { PHONE: carol.keys },
        [alice.userId]: { PHONE: bob.keys },
        '@stranger:elsewhere.test': { PHONE: bob.keys },
      },
      master_keys: { [bob.userId]: signing.upload.master_key, [carol.userId]: foreign.upload.master_key },
      // Another master key than the one that is told has signed it.
      self_signing_keys: { [bob.userId]: foreign.upload.self_signing_key },
      user_signing_keys: { [bob.userId]: signing.upload.user_signing_key },
    }));
    const answer = await query({ [bob.userId]: [], [carol.userId]: ['PHONE'], [alice.userId]: [] });
    assert.deepEqual(answer, {
      device_keys: {
        [alice.userId]: {},
        [bob.userId]: { PHONE: { ...bob.keys, unsigned: { device_display_name: 'Phone' } } },
        [carol.userId]: { PHONE: { ...carol.keys, unsigned: {} } },
      },
      master_keys: { [bob.userId]: { ...signing.upload.master_key, signatures: { [bob.userId]: {} } } },
      self_signing_keys: {},
      user_signing_keys: {},
      failures: {},
    });
    const asked = peer.requests.filter(({ target }) => target === queryPath);
    assert.equal(asked.length, 1, 'one request for all users of a server');
    assert.deepEqual(asked[0]?.body, { device_keys: { [bob.userId]: [], [carol.userId]: ['PHONE'] } });
  });

  test('O14: are remembered while a room is shared with their user, and not one moment longer', async () => {
    const dave = user('dave');
    const signing = makeCrossSigning(dave.userId);
    let keys = signAs(dave.keys, dave.userId, signing.selfSigning);
    peer.answer('POST', queryPath, () => ({
      device_keys: { [dave.userId]: { PHONE: keys } },
      master_keys: { [dave.userId]: signing.upload.master_key },
      self_signing_keys: { [dave.userId]: signing.upload.self_signing_key },
    }));
    const phone = async (): Promise<unknown> =>
      asObject(asObject((await query({ [dave.userId]: [] }))['device_keys'], 'users')[dave.userId], 'devices')['PHONE'];
    await phone();
    await phone();
    assert.equal(countAsked(dave.userId), 2, 'without a room nobody tells of changes');
    const [one, other] = [await alice.createRoom(), await alice.createRoom()];
    await enterRoom(server, one, dave.userId);
    const first = await query({ [dave.userId]: ['PHONE', 'NONE'] });
    assert.equal(countAsked(dave.userId), 3);
    assert.deepEqual(await query({ [dave.userId]: [] }), first, 'as it was told');
    assert.deepEqual(asObject(first['self_signing_keys'], 'keys')[dave.userId], signing.upload.self_signing_key);
    assert.equal(countAsked(dave.userId), 3);
    assert.deepEqual(
      peer.requests.at(-1)?.body,
      { device_keys: { [dave.userId]: [] } },
      'all is asked for, to be kept',
    );

    const changed = makeDeviceKeys(dave).keys;
    keys = changed;
    await exitRoom(server, one, dave.userId);
    assert.deepEqual(await phone(), { ...changed, unsigned: {} });
    await enterRoom(server, other, dave.userId);
    keys = dave.keys;
    assert.deepEqual(await phone(), { ...dave.keys, unsigned: {} }, 'what was known before is not');
    assert.equal(countAsked(dave.userId), 5);
    await enterRoom(server, one, dave.userId);
    await exitRoom(server, other, dave.userId);
    await phone();
    assert.equal(countAsked(dave.userId), 6, 'the room that is left was entered later than the list was asked for');
    await alice.leave(one);
    await phone();
    await phone();
    assert.equal(countAsked(dave.userId), 8, 'nobody of this server is in the room');
  });

  test('are missing for servers that fail or take too long, which are named, and come for all others', async () => {
    const erin = user('erin');
    await using slow = await startPeer('slow.localhost');
    await using broken = await startPeer('broken.localhost');
    const { promise: ended, resolve: end } = Promise.withResolvers<PeerReply>();
    slow.answer('POST', queryPath, () => ended);
    broken.answer('POST', queryPath, () => new PeerReply(403, { errcode: 'M_FORBIDDEN', error: 'Not you.' }));
    peer.answer('POST', queryPath, () => ({ device_keys: { [erin.userId]: { PHONE: erin.keys } } }));
    const answer = await query(
      { [erin.userId]: [], [slow.userId('x')]: [], [broken.userId('y')]: [], '@z:nowhere.localhost:1': [] },
      { timeout: 1_000 },
    );
    end(new PeerReply(500, {}));
    assert.deepEqual(answer['device_keys'], { [erin.userId]: { PHONE: { ...erin.keys, unsigned: {} } } });
    const failures = asObject(answer['failures'], 'failures');
    assert.deepEqual(Object.keys(failures).toSorted(), [broken.name, 'nowhere.localhost:1', slow.name].toSorted());
    assert.deepEqual(failures[broken.name], { errcode: 'M_FORBIDDEN', error: 'Not you.' });
  });

  test('that are hostile are refused: too many devices, no JSON, no object', async () => {
    const userId = peer.userId('mallory');
    const many = Object.fromEntries(
      Array.from({ length: 1_001 }, (_, index) => {
        const deviceId = `D${index}`;
        return [deviceId, { user_id: userId, device_id: deviceId, algorithms: [], keys: {}, signatures: {} }];
      }),
    );
    peer.answer('POST', queryPath, () => ({ device_keys: { [userId]: many } }));
    assert.deepEqual((await query({ [userId]: [] }))['device_keys'], {});
    for (const text of ['no JSON', '[]', '{"device_keys": []}', '{"device_keys": {"__proto__": {}}}']) {
      peer.answer('POST', queryPath, () => new PeerReply(200, text));
      assert.deepEqual((await query({ [userId]: [] }))['device_keys'], {}, text);
    }
  });

  test('that are used up are claimed of their servers, one for each device that was asked for', async () => {
    const frank = user('frank');
    const own = makeOneTimeKeys(['AAAA'], frank, frank.key);
    const others = { 'other:X': 'value', ...makeOneTimeKeys(['BBBB'], frank, frank.key) };
    peer.answer('POST', claimPath, () => ({
      one_time_keys: {
        [frank.userId]: { PHONE: own, TABLET: others, CLOCK: { 'signed_curve25519:C': 7 }, UNASKED: own },
        [alice.userId]: { [alice.deviceId]: own },
      },
    }));
    const algorithm = 'signed_curve25519';
    const asked = { PHONE: algorithm, TABLET: 'other', CLOCK: algorithm };
    const one_time_keys = { [frank.userId]: asked, '@z:nowhere.localhost:1': { Z: algorithm } };
    const answer = await alice.raw('POST', '/keys/claim', { body: { one_time_keys, timeout: 5_000 } });
    assert.equal(answer.status, 200, answer.bodyText);
    assert.deepEqual(answer.body['one_time_keys'], { [frank.userId]: { PHONE: own, TABLET: { 'other:X': 'value' } } });
    assert.deepEqual(Object.keys(asObject(answer.body['failures'], 'failures')), ['nowhere.localhost:1']);
    const claims = peer.requests.filter(({ target }) => target === claimPath);
    assert.deepEqual(
      claims.map(({ body }) => body),
      [{ one_time_keys: { [frank.userId]: asked } }],
    );
  });
});
