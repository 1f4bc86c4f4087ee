/** Proves what other servers are sent, in which order, and how often. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { statement } from '#storage/database.ts';
import { startNode, type FederationNode } from '#test/federation/federation-node.ts';
import { acknowledge, messagesOf, sendPath, startSending, transactionsOf, until } from '#test/federation/sending.ts';
import { PeerReply, startPeer } from '#test/support/peer.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

let node: FederationNode;
before(async () => void (node = await startNode('sender.localhost')));
after(() => node[Symbol.asyncDispose]());

const countWaiting = statement<{ waiting: number }>(
  'test_count_waiting',
  `select (select count(*) from outgoing_transactions)::int + (select count(*) from destination_rooms)::int as waiting`,
);

test('what local users send goes to the servers in the room, in the order acknowledged, and each event once', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  await using far = await startPeer('far.localhost');
  for (const peer of [near, far]) acknowledge(peer);
  const roomId = await own.createRoom();
  await own.enter(roomId, near, near.userId('bob'));
  await own.enter(roomId, far, far.userId('carol'), true);
  // What a user of ours has done by way of another server, that one sends.
  await own.enter(roomId, node.ownKeys, `@dora:${node.name}`);
  const expected = Array.from({ length: 120 }, (_, index) => `message ${index}`);
  for (const body of expected) await own.say(roomId, body);
  await until(() => messagesOf(near).length >= 120 && messagesOf(far).length >= 120);
  assert.deepEqual(messagesOf(near), expected);
  assert.deepEqual(messagesOf(far), expected);
  // Another server's event is sent on only if it was handed to us, and not to where it is from.
  const joins = (peer: typeof near): unknown[] =>
    transactionsOf(peer).flatMap(({ pdus }) =>
      pdus.filter(({ type }) => type === 'm.room.member').map((pdu) => pdu['sender']),
    );
  assert.deepEqual(joins(near), [far.userId('carol')]);
  assert.deepEqual(joins(far), []);
  for (const peer of [near, far]) {
    for (const { pdus, edus } of transactionsOf(peer)) assert.ok(pdus.length <= 50 && edus.length <= 100);
  }
  await until(async () => (await own.database.query(countWaiting, []))[0]?.waiting === 0);
});

test('a server is told that its last user was kicked, and nothing that comes after', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  acknowledge(near);
  const roomId = await own.createRoom();
  await own.enter(roomId, near, near.userId('bob'));
  await own.say(roomId, 'before');
  await own.change(roomId, near.userId('bob'), 'leave');
  await own.say(roomId, 'after');
  await own.change(roomId, near.userId('bob'), 'ban');
  const memberships = (): unknown[] =>
    transactionsOf(near).flatMap(({ pdus }) =>
      pdus.filter(({ type }) => type === 'm.room.member').map(({ content }) => content),
    );
  await until(() => memberships().length >= 2);
  assert.deepEqual(memberships(), [{ membership: 'leave' }, { membership: 'ban' }]);
  assert.deepEqual(messagesOf(near), ['before']);
});

test('R12: a reply that is lost makes the same transaction come again, byte for byte', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  let lost = 0;
  near.answer('PUT', sendPath, (_request, response) => {
    if (lost >= 2) return { pdus: {} };
    lost += 1;
    response.destroy();
    return undefined;
  });
  const roomId = await own.createRoom();
  await own.enter(roomId, near, near.userId('bob'));
  for (const body of ['one', 'two', 'three']) await own.say(roomId, body);
  await until(() => messagesOf(near).length >= 3 && transactionsOf(near).length >= 3);
  assert.deepEqual(messagesOf(near), ['one', 'two', 'three']);
  const [first, second, third] = transactionsOf(near);
  assert.ok(first && second && third);
  assert.equal(second.bodyText, first.bodyText);
  assert.deepEqual([second.txnId, third.txnId], [first.txnId, first.txnId]);
});

for (const [what, reply] of [
  ['an error of its own', new PeerReply(500, { errcode: 'M_UNKNOWN', error: 'broken' })],
  ['the page of a proxy', new PeerReply(502, '<html>')],
  ['that it is asked too often', new PeerReply(429, { errcode: 'M_LIMIT_EXCEEDED' })],
] as const) {
  test(`a server that answers with ${what} is sent everything when it is well again, in order`, async () => {
    await using on = await createMigratedDatabase();
    await using own = await startSending(on, node);
    await using near = await startPeer('near.localhost');
    near.answer('PUT', sendPath, () => reply);
    const [one, other] = [await own.createRoom(), await own.createRoom()];
    for (const roomId of [one, other]) await own.enter(roomId, near, near.userId('bob'));
    for (let i = 0; i < 30; i++) await own.say(one, `one ${i}`);
    await until(() => own.sender.status.failingCount === 1);
    for (let i = 0; i < 30; i++) {
      await own.say(one, `one ${30 + i}`);
      await own.say(other, `other ${i}`);
    }
    acknowledge(near);
    await until(() => new Set(messagesOf(near)).size >= 90);
    const messages = messagesOf(near);
    const of = (room: string): string[] => messages.filter((body) => body.startsWith(room));
    assert.deepEqual(
      of('one'),
      Array.from({ length: 60 }, (_, i) => `one ${i}`),
    );
    assert.deepEqual(
      of('other'),
      Array.from({ length: 30 }, (_, i) => `other ${i}`),
    );
    await until(async () => (await own.database.query(countWaiting, []))[0]?.waiting === 0);
  });
}
