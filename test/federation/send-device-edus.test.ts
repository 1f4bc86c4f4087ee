/** Proves what other servers are sent of messages to their devices, and of changed devices and keys here. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { makeCrossSigning, makeDeviceKeys, signAs } from '#test/encryption/test-keys.ts';
import { until } from '#test/embedded/start.ts';
import { PeerRoom } from '#test/federation/peer-room.ts';
import { acknowledge, messagesOf, sendPath, transactionsOf } from '#test/federation/sending.ts';
import { askDatabase } from '#test/federation/shared-rooms.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { logIn, testPassword, type MatrixHttp } from '#test/support/matrix-http.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';

/** The contents of EDUs of a type that the peer was sent, once for each transaction id, in order. */
function edusOf(peer: Peer, type: string): JsonObject[] {
  const distinct = new Map(transactionsOf(peer).map((own) => [own.txnId, own]));
  return [...distinct.values()].flatMap(({ edus }) =>
    edus.flatMap(({ edu_type, content }) => (edu_type === type && isJsonObject(content) ? [content] : [])),
  );
}

describe('what other servers are sent of devices', () => {
  let server: FederatedServer;
  let peer: Peer;
  let alice: MatrixHttp;
  before(async () => {
    [server, peer] = await Promise.all([startFederatedServer('telling.localhost'), startPeer()]);
    alice = await server.newUser('alice');
  });
  after(async () => {
    await Promise.all([server[Symbol.asyncDispose](), peer[Symbol.asyncDispose]()]);
  });

  const note = async (messages: JsonObject, txnId: string): Promise<void> => {
    const answer = await alice.raw('PUT', `/sendToDevice/org.example.note/${txnId}`, { body: { messages } });
    assert.equal(answer.status, 200, answer.bodyText);
  };
  const notes = (of: Peer = peer): JsonObject[] => edusOf(of, 'm.direct_to_device');

  test('messages to devices go in order, each once, whatever fails in between, a restart included', async () => {
    let answered = 0;
    peer.answer('PUT', sendPath, () => ((answered += 1) % 3 === 0 ? { pdus: {} } : new PeerReply(502, 'away')));
    const bob = peer.userId('bob');
    const expected = Array.from({ length: 12 }, (_, n) => ({ [bob]: { PHONE: { n }, '*': { n } } }));
    for (const [n, messages] of expected.entries()) {
      await note(messages, `t${n}`);
      await note(messages, `t${n}`);
      if (n === 6) {
        await server.stop();
        await server.start();
      }
    }
    await until(() => notes().length >= 12, 'all has been sent');
    assert.deepEqual(
      notes().map(({ messages }) => messages),
      expected,
    );
    for (const { sender, type } of notes()) assert.deepEqual([sender, type], [alice.userId, 'org.example.note']);
    const ids = notes().map(({ message_id: id }) => (typeof id === 'string' ? id : ''));
    assert.equal(new Set(ids).size, 12);
    for (const id of ids) assert.ok(id.length > 0 && id.length <= 32, id);
    acknowledge(peer);
  });

  test('O10: a large message is cut by device, goes beside events, and leaves room for them', async () => {
    await using far = await startPeer('far.localhost');
    acknowledge(far);
    const room = await PeerRoom.create(far, server, alice);
    const large = 'x'.repeat(50_000);
    const devices = Array.from({ length: 15 }, (_, index) => `D${index}`);
    const bob = far.userId('bob');
    await note({ [bob]: Object.fromEntries(devices.map((device) => [device, { large, device }])) }, 'large');
    for (let n = 0; n < 5; n += 1) await alice.sendText(room.roomId, `event ${n}`);
    await until(() => notes(far).length >= 15 && messagesOf(far).length >= 5, 'all has been sent');
    const sent = notes(far).map(({ messages }) => (isJsonObject(messages) ? messages[bob] : undefined));
    assert.deepEqual(
      sent.flatMap((each) => Object.keys(each ?? {})),
      devices,
    );
    for (const each of sent) assert.ok(JSON.stringify(each).length <= 65_536);
    const whenEventsCame = transactionsOf(far).findIndex(({ pdus }) => pdus.length > 0);
    assert.ok(whenEventsCame <= 2, `events came with transaction ${whenEventsCame}`);
    assert.equal(messagesOf(far)[0], 'event 0');
  });

  test('changes of devices go to servers that share a room, in a chain, and signing keys beside it', async () => {
    await using near = await startPeer('near.localhost');
    acknowledge(near);
    const carol = await server.newUser('carol');
    const { keys } = makeDeviceKeys(carol);
    await carol.raw('POST', '/keys/upload', { body: { device_keys: keys } });
    await PeerRoom.create(near, server, carol);
    const updates = (): JsonObject[] => edusOf(near, 'm.device_list_update');
    await carol.raw('PUT', `/devices/${carol.deviceId}`, { body: { display_name: 'Hers' } });
    await until(() => updates().length >= 1, 'the name is told');
    const second = await logIn(server.baseUrl, carol.userId);
    const secondKeys = makeDeviceKeys(second).keys;
    await second.raw('POST', '/keys/upload', { body: { device_keys: secondKeys } });
    await until(() => updates().length >= 2, 'the new device is told');
    const signing = makeCrossSigning(carol.userId);
    const identifier = { type: 'm.id.user', user: carol.userId };
    const auth = { type: 'm.login.password', identifier, password: testPassword };
    await carol.raw('POST', '/keys/device_signing/upload', { body: { ...signing.upload, auth } });
    await until(() => edusOf(near, 'm.signing_key_update').length >= 1, 'the signing keys are told');
    const signed = signAs(keys, carol.userId, signing.selfSigning);
    await carol.raw('POST', '/keys/signatures/upload', { body: { [carol.userId]: { [carol.deviceId]: signed } } });
    await until(() => updates().length >= 3, 'the signature is told');
    await second.raw('POST', '/logout');
    await until(() => updates().length >= 4, 'the end of the device is told');

    const user_id = carol.userId;
    const streamIds = updates().map(({ stream_id: id }) => Number(id));
    const told = updates().map(({ stream_id: _stream, prev_id: _prev, ...rest }) => rest);
    const [own, other] = [carol.deviceId, second.deviceId];
    assert.deepEqual(told, [
      { user_id, device_id: own, device_display_name: 'Hers', keys },
      { user_id, device_id: other, keys: secondKeys },
      { user_id, device_id: own, device_display_name: 'Hers', keys: signed },
      { user_id, device_id: other, deleted: true },
    ]);
    assert.deepEqual(
      updates()
        .slice(1)
        .map(({ prev_id: prev }) => prev),
      streamIds.slice(0, -1).map((id) => [id]),
      'each names the one before it',
    );
    assert.equal(new Set(streamIds).size, streamIds.length);
    const { master_key, self_signing_key } = signing.upload;
    assert.deepEqual(edusOf(near, 'm.signing_key_update'), [
      { user_id, master_key: { ...master_key, signatures: { [user_id]: {} } }, self_signing_key },
    ]);
    assert.deepEqual(
      edusOf(peer, 'm.device_list_update').filter((each) => each['user_id'] === user_id),
      [],
    );
  });

  test('a server that was away is told the last change of each device, and sees by the chain what it has missed', async () => {
    await using away = await startPeer('away.localhost');
    const dora = await server.newUser('dora');
    await PeerRoom.create(away, server, dora);
    let isAway = true;
    away.answer('PUT', sendPath, () => (isAway ? new PeerReply(502, 'away') : { pdus: {} }));
    const rename = (name: string): Promise<unknown> =>
      dora.raw('PUT', `/devices/${dora.deviceId}`, { body: { display_name: name } });
    await rename('first');
    await until(() => transactionsOf(away).length > 0, 'it was tried');
    for (const name of ['second', 'third', 'fourth']) await rename(name);
    isAway = false;
    const names = (): unknown[] => edusOf(away, 'm.device_list_update').map((each) => each['device_display_name']);
    await until(() => names().includes('fourth'), 'the last is told');
    // What was in the transaction that failed is as it was then.
    assert.ok(!names().includes('second') && !names().includes('third'), String(names()));
    const [first, last] = [edusOf(away, 'm.device_list_update')[0], edusOf(away, 'm.device_list_update').at(-1)];
    assert.notDeepEqual(last?.['prev_id'], [first?.['stream_id']], 'something is missing in between');
  });

  test('a user who enters a room has their devices told to servers that did not hear of them before', async () => {
    await using near = await startPeer('newly.localhost');
    acknowledge(near);
    const [erin, frank] = [await server.newUser('erin'), await server.newUser('frank')];
    const room = await PeerRoom.create(near, server, erin);
    await frank.join(room.roomId);
    const told = (): unknown[] =>
      edusOf(near, 'm.device_list_update').flatMap((each) =>
        each['user_id'] === frank.userId ? [each['device_id']] : [],
      );
    await until(() => told().length >= 1, 'the device is told');
    const other = await PeerRoom.create(near, server, erin);
    await frank.join(other.roomId);
    await alice.join(other.roomId);
    const ofAlice = (): JsonObject[] =>
      edusOf(near, 'm.device_list_update').filter((each) => each['user_id'] === alice.userId);
    await until(() => ofAlice().length >= 1, 'the devices of who came later are told');
    assert.deepEqual(told(), [frank.deviceId], 'those of who was met before are not told again');
  });

  test('what has been taken into transactions is kept no longer in the outbox', async () => {
    acknowledge(peer);
    const bob = peer.userId('bob');
    for (const n of [1, 2]) {
      const count = notes().length;
      await note({ [bob]: { PHONE: { last: n } } }, `last${n}`);
      await until(() => notes().length > count, 'it is sent');
    }
    await until(async () => {
      const rows = await askDatabase(server, 'select pos from to_device_outbox where server_name = $1', [peer.name]);
      return rows.length <= 1;
    }, 'only what may still be needed is there');
  });
});
