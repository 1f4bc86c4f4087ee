/** Proves what other servers are told beside events. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DurableEdus } from '#federation/sender/edu-source.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import { startTyping, stopTyping } from '#streams/typing.ts';
import { startNode, type FederationNode } from '#test/federation/federation-node.ts';
import {
  acknowledge,
  limits,
  messagesOf,
  sendPath,
  startSending,
  transactionsOf,
  until,
} from '#test/federation/sending.ts';
import type { Sending } from '#test/federation/sending.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

let node: FederationNode;
before(async () => void (node = await startNode('sender.localhost')));
after(() => node[Symbol.asyncDispose]());

/** The contents of the EDUs of a type that a peer was sent. */
const edusOf = (peer: Peer, type: string): unknown[] =>
  transactionsOf(peer).flatMap(({ edus }) =>
    edus.filter((edu) => edu['edu_type'] === type).map(({ content }) => content),
  );

async function namesOf(own: Sending, roomId: string, userId: string) {
  const userNid = own.interned.knownUser(userId);
  const roomNid = (await findRoom(own.database, roomId))?.roomNid;
  assert.ok(userNid !== undefined && roomNid !== undefined);
  return { roomNid, userNid };
}

test('typing and public receipts of local users are told to the servers in the room, and nothing else', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  acknowledge(near);
  const roomId = await own.createRoom();
  const bob = near.userId('bob');
  await own.enter(roomId, near, bob);
  const eventId = await own.say(roomId, 'read me');
  await until(() => messagesOf(near).length === 1);
  const alice = await namesOf(own, roomId, own.alice);
  const remote = await namesOf(own, roomId, bob);
  await startTyping(own, remote, 30_000);
  await startTyping(own, alice, 30_000);
  await until(() => edusOf(near, 'm.typing').length === 1);
  await stopTyping(own, alice);
  await until(() => edusOf(near, 'm.typing').length === 2);
  assert.deepEqual(edusOf(near, 'm.typing'), [
    { room_id: roomId, user_id: own.alice, typing: true },
    { room_id: roomId, user_id: own.alice, typing: false },
  ]);
  const receipt = { ...alice, eventId, roomOrder: null, ts: 1234 };
  const receipts = [
    { ...receipt, receiptType: 'm.read.private', threadId: '' },
    { ...receipt, receiptType: 'm.read', threadId: 'main' },
    { ...receipt, ...remote, receiptType: 'm.read', threadId: '' },
  ];
  await own.streams.write('userData', (tx) => tx.add({ receipts }));
  await until(() => edusOf(near, 'm.receipt').length === 1);
  const data = { ts: 1234, thread_id: 'main' };
  const expected: JsonObject = { [roomId]: { 'm.read': { [own.alice]: { data, event_ids: [eventId] } } } };
  await own.say(roomId, 'all is told');
  await until(() => messagesOf(near).length === 2);
  assert.deepEqual(edusOf(near, 'm.receipt'), [expected]);
});

/** EDUs that are kept until they have arrived, as messages to devices are. */
function keptEdus(names: readonly string[], texts: readonly string[]) {
  const kept = texts.map((text, index) => ({
    pos: index + 1,
    edu: JSON.stringify({ edu_type: 'test', content: { text } }),
  }));
  const source: DurableEdus = {
    position: 'toDevice',
    horizon: () => kept.length,
    findServers: (after) => Promise.resolve(kept.some(({ pos }) => pos > after) ? names : []),
    findEdus: (_name, after, { countMax, bytesMax }) => {
      const page: typeof kept = [];
      let bytes = 0;
      for (const own of kept.filter(({ pos }) => pos > after)) {
        bytes += own.edu.length;
        if (page.length >= countMax || (page.length > 0 && bytes > bytesMax)) break;
        page.push(own);
      }
      const upTo = page.at(-1)?.pos ?? after;
      return Promise.resolve({ edus: page.map(({ edu }) => edu), upTo, hasMore: upTo < kept.length });
    },
  };
  return source;
}

test('O10: large EDUs that must arrive hold up no events, and arrive in order, each once, over an outage and a restart', async () => {
  await using on = await createMigratedDatabase();
  await using near = await startPeer('near.localhost');
  near.answer('PUT', sendPath, () => new PeerReply(500, {}));
  const texts = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(60_000)}`);
  const durableEdus = [keptEdus([near.name], texts)];
  {
    await using own = await startSending(on, node, { durableEdus, limits: { ...limits, transactionBytesMax: 65_536 } });
    const roomId = await own.createRoom();
    await own.enter(roomId, near, near.userId('bob'));
    await own.say(roomId, 'not held up');
    await until(() => own.sender.status.failingCount === 1);
  }
  acknowledge(near);
  await using own = await startSending(on, node, { durableEdus });
  const distinct = () => [...new Map(transactionsOf(near).map((one) => [one.txnId, one])).values()];
  const told = () => distinct().flatMap(({ edus }) => edus.map(({ content }) => JSON.stringify(content).slice(9, 12)));
  await until(() => told().length >= 40 && messagesOf(near).length >= 1);
  assert.deepEqual(
    told(),
    texts.map((text) => text.slice(0, 3)),
  );
  // With the first or the second transaction, not behind two megabytes.
  assert.ok(distinct().findIndex(({ pdus }) => pdus.length > 0) <= 1);
  assert.ok(distinct().every(({ bodyText }) => bodyText.length < 700_000));
  await own.sender[Symbol.asyncDispose]();
});
