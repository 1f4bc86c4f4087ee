/** Proves that what is to be sent survives restarts, takeovers and long outages, and that other servers do not suffer. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Registry } from 'prom-client';
import type { FederationClient } from '#federation/federation-client.ts';
import { registerSenderMetrics } from '#federation/sender/metrics.ts';
import { findDatabaseStatus } from '#storage/database-status.ts';
import { statement } from '#storage/database.ts';
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
import { PeerReply, startPeer } from '#test/support/peer.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

let node: FederationNode;
before(async () => void (node = await startNode('sender.localhost')));
after(() => node[Symbol.asyncDispose]());

const broken = new PeerReply(503, 'gone');
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `message ${index}`);
const countMissed = statement<{ rooms: number; failing: number }>(
  'test_count_missed',
  `select (select count(*) from destination_rooms)::int as rooms,
     (select count(*) from destinations where failing_since is not null)::int as failing`,
);

test('O9: what waits survives a restart, for a server that was never reached too; the first transaction is the same', async () => {
  await using on = await createMigratedDatabase();
  await using near = await startPeer('near.localhost');
  near.answer('PUT', sendPath, () => broken);
  const expected = numbered(60);
  {
    await using own = await startSending(on, node);
    const roomId = await own.createRoom();
    await own.enter(roomId, near, near.userId('bob'));
    for (const body of expected) await own.say(roomId, body);
    await until(() => transactionsOf(near).length > 0);
  }
  const refused = transactionsOf(near);
  acknowledge(near);
  await using own = await startSending(on, node);
  await until(() => messagesOf(near).length >= 60);
  assert.deepEqual(messagesOf(near), expected);
  const repeated = transactionsOf(near)[refused.length];
  assert.ok(repeated && refused[0]);
  assert.deepEqual([repeated.txnId, repeated.bodyText], [refused[0].txnId, refused[0].bodyText]);
  await until(async () => {
    const [row] = await own.database.query(countMissed, []);
    return row?.rooms === 0 && row.failing === 0;
  });
});

test('events that were written while nobody sent are sent by the next process', async () => {
  await using on = await createMigratedDatabase();
  await using near = await startPeer('near.localhost');
  acknowledge(near);
  await using one = await startSending(on, node);
  const roomId = await one.createRoom();
  await one.enter(roomId, near, near.userId('bob'));
  await one.say(roomId, 'while it sends');
  await until(() => messagesOf(near).length === 1);
  await one.sender[Symbol.asyncDispose]();
  await one.say(roomId, 'while nobody sends');
  await using other = await startSending(on, node);
  await until(() => messagesOf(near).length === 2);
  assert.deepEqual(messagesOf(near), ['while it sends', 'while nobody sends']);
  await other.say(roomId, 'while the other sends');
  await one.say(roomId, 'by the first one');
  await until(() => messagesOf(near).length === 4);
  assert.deepEqual(messagesOf(near).slice(2), ['while the other sends', 'by the first one']);
});

test('a server has what was said while it was in a room, and nothing else, though it is sent after it left', async () => {
  await using on = await createMigratedDatabase();
  const names = ['kicked', 'gone', 'invited', 'late'] as const;
  await using peers = new AsyncDisposableStack();
  const [kicked, gone, invited, late] = await Promise.all(
    names.map(async (name) => peers.use(await startPeer(`${name}.localhost`))),
  );
  assert.ok(kicked && gone && invited && late);
  for (const peer of [kicked, gone, invited, late]) acknowledge(peer);
  await using one = await startSending(on, node);
  await one.sender[Symbol.asyncDispose]();
  const roomId = await one.createRoom();
  for (const peer of [kicked, gone]) await one.enter(roomId, peer, peer.userId('bob'));
  await one.enter(roomId, gone, gone.userId('carol'));
  await one.change(roomId, invited.userId('bob'), 'invite');
  await one.say(roomId, 'while they are there');
  await one.change(roomId, kicked.userId('bob'), 'leave');
  await one.leave(roomId, gone, gone.userId('bob'));
  await one.say(roomId, 'while one of them is');
  await one.leave(roomId, gone, gone.userId('carol'));
  await one.change(roomId, invited.userId('bob'), 'leave');
  await one.say(roomId, 'while nobody is');
  await one.enter(roomId, late, late.userId('bob'));
  await one.say(roomId, 'to who came late');
  await using other = await startSending(on, node);
  await until(() => messagesOf(late).length > 0 && messagesOf(gone).length > 1 && other.sender.status.lag === 0);
  await until(() => transactionsOf(invited).flatMap(({ pdus }) => pdus).length === 2);
  assert.deepEqual(messagesOf(kicked), ['while they are there']);
  assert.deepEqual(messagesOf(gone), ['while they are there', 'while one of them is']);
  assert.deepEqual(messagesOf(invited), []);
  const toLate = transactionsOf(late).flatMap(({ pdus }) => pdus.map(({ type }) => type));
  assert.deepEqual([messagesOf(late), toLate], [['to who came late'], ['m.room.message']]);
});

test('a server that was not reached when its last user was kicked has what was said before, and nothing of after', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  near.answer('PUT', sendPath, () => broken);
  const roomId = await own.createRoom();
  await own.enter(roomId, near, near.userId('bob'));
  await own.say(roomId, 'first');
  await until(() => own.sender.status.failingCount === 1);
  for (const body of numbered(60)) await own.say(roomId, body);
  await own.change(roomId, near.userId('bob'), 'leave');
  for (const body of numbered(60)) await own.say(roomId, `after ${body}`);
  acknowledge(near);
  await until(() => messagesOf(near).length >= 61 && own.sender.status.behindCount === 0);
  assert.deepEqual(messagesOf(near), ['first', ...numbered(60)]);
  const kicks = transactionsOf(near).flatMap(({ pdus }) => pdus.filter(({ type }) => type === 'm.room.member'));
  assert.deepEqual(
    kicks.map(({ content }) => content),
    [{ membership: 'leave' }],
  );
});

test('R9: two processes never send to one server at once, and one that was paused has no effect when it goes on', async () => {
  await using on = await createMigratedDatabase();
  await using near = await startPeer('near.localhost');
  let atOnce = 0;
  let atOnceMax = 0;
  near.answer('PUT', sendPath, async () => {
    atOnce += 1;
    atOnceMax = Math.max(atOnceMax, atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce -= 1;
    return { pdus: {} };
  });
  await using one = await startSending(on, node);
  await using other = await startSending(on, node);
  const roomId = await one.createRoom();
  await one.enter(roomId, near, near.userId('bob'));
  for (let i = 0; i < 40; i++) await (i % 2 === 0 ? one : other).say(roomId, `message ${i}`);
  await until(() => messagesOf(near).length >= 40);
  assert.deepEqual(messagesOf(near), numbered(40));
  assert.equal(atOnceMax, 1);
  // As if the one that sends had stood still for longer than its lease: the fence is another's.
  await one.database.query(
    statement<unknown>('test_take_lease_over', `update leases set fence = fence + 1 where kind = 'federation_sender'`),
    [],
  );
  for (let i = 40; i < 60; i++) await one.say(roomId, `message ${i}`);
  await until(() => messagesOf(near).length >= 60);
  assert.deepEqual(messagesOf(near), numbered(60));
});

test('R14: a server that does not answer delays neither the others nor those who write', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  await using silent = await startPeer('silent.localhost');
  acknowledge(near);
  const held: (() => void)[] = [];
  silent.answer('PUT', sendPath, () => new Promise((resolve) => held.push(() => resolve({ pdus: {} }))));
  const roomId = await own.createRoom();
  for (const peer of [near, silent]) await own.enter(roomId, peer, peer.userId('bob'));
  for (const body of numbered(100)) await own.say(roomId, body);
  await until(() => messagesOf(near).length >= 100);
  assert.equal(transactionsOf(silent).length, 1);
  // One transaction under way, whatever waits.
  acknowledge(silent);
  for (const release of held) release();
  await until(() => messagesOf(silent).length >= 100);
  assert.deepEqual(messagesOf(silent), numbered(100));
});

test('O11: a server that missed little of a room is sent all of it, and of one where it missed too much the newest event', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node, { limits: { ...limits, catchUpEventsMax: 70 } });
  await using near = await startPeer('near.localhost');
  near.answer('PUT', sendPath, () => broken);
  const [quiet, busy] = [await own.createRoom(), await own.createRoom()];
  for (const roomId of [quiet, busy]) await own.enter(roomId, near, near.userId('bob'));
  await own.say(quiet, 'quiet');
  await until(() => own.sender.status.failingCount === 1);
  for (let i = 0; i < 70; i++) await own.say(quiet, `quiet ${i}`);
  for (let i = 0; i < 71; i++) await own.say(busy, `busy ${i}`);
  const [missed] = await own.database.query(countMissed, []);
  assert.ok((missed?.rooms ?? 0) <= 2);
  acknowledge(near);
  await until(() => messagesOf(near).includes('quiet 69') && messagesOf(near).includes('busy 70'));
  const messages = messagesOf(near);
  assert.deepEqual(
    messages.filter((body) => body.startsWith('quiet ')),
    Array.from({ length: 70 }, (_, i) => `quiet ${i}`),
  );
  assert.deepEqual(
    messages.filter((body) => body.startsWith('busy ')),
    ['busy 70'],
  );
  // And it goes on as before.
  await until(() => own.sender.status.behindCount === 0);
  await own.say(busy, 'busy 71');
  await until(() => messagesOf(near).at(-1) === 'busy 71');
});

test('a server that is given time is tried at once when it is heard of, by whatever process', async () => {
  await using on = await createMigratedDatabase();
  const patient = { limits: { ...limits, retryMsMax: 3_600_000 } };
  await using own = await startSending(on, node, patient);
  await using near = await startPeer('near.localhost');
  near.answer('PUT', sendPath, () => broken);
  const roomId = await own.createRoom();
  await own.enter(roomId, near, near.userId('bob'));
  await own.say(roomId, 'first');
  await until(() => own.sender.status.failingCount === 1);
  acknowledge(near);
  await using other = await startSending(on, node, patient);
  other.sender.heard(near.name);
  await until(() => own.sender.status.failingCount === 0 && messagesOf(near).length > 0);
  assert.deepEqual(messagesOf(near), ['first']);
});

test('a transaction that a server calls wrong is given up in the end, and what follows is sent', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  let wrong: string | undefined;
  near.answer('PUT', sendPath, ({ target }) => {
    wrong ??= target;
    return target === wrong ? new PeerReply(400, { errcode: 'M_BAD_JSON', error: 'No.' }) : { pdus: {} };
  });
  const roomId = await own.createRoom();
  await own.enter(roomId, near, near.userId('bob'));
  await own.say(roomId, 'first');
  await until(() => own.sender.status.outcomes.given_up === 1);
  await own.say(roomId, 'second');
  await until(() => messagesOf(near).includes('second'));
});

test('rooms without other servers cost nothing but one look, and a server that is not reached nothing for an event', async () => {
  await using on = await createMigratedDatabase();
  const asked: string[] = [];
  const unreachable: FederationClient = { request: () => Promise.reject(new Error('dead')) };
  const patient = { client: unreachable, limits: { ...limits, retryMsMax: 3_600_000 } };
  await using own = await startSending(on, node, patient);
  await using near = await startPeer('near.localhost');
  const [lonely, shared] = [await own.createRoom(), await own.createRoom()];
  await own.enter(shared, near, near.userId('bob'));
  await own.say(lonely, 'first');
  await own.say(shared, 'first');
  await until(() => own.sender.status.failingCount === 1);
  await own.say(shared, 'second');
  await until(async () => (await own.database.query(countMissed, []))[0]?.rooms === 1);
  own.watchQueries(asked);
  for (const body of numbered(50)) {
    await own.say(lonely, body);
    await own.say(shared, body);
  }
  await until(() => own.sender.status.lag === 0);
  own.watchQueries(undefined);
  // How far the stream is read is noted twice a second.
  assert.ok(asked.filter((name) => name === 'transaction').length < 50);
  // Of the shared room the texts are read, as for a server that is reached.
  const allowed = new Set(['select_outgoing_texts', 'take_lease', 'select_servers_heard', 'transaction']);
  assert.deepEqual(
    asked.filter((name) => !allowed.has(name)),
    [],
  );
  const [missed] = await own.database.query(countMissed, []);
  assert.equal(missed?.rooms, 1);
});

test('connections to the database that break in the middle cost no event and no order', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  acknowledge(near);
  const roomId = await own.createRoom();
  await own.enter(roomId, near, near.userId('bob'));
  const end = statement<unknown>(
    'test_end_connections',
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  for (const [index, body] of numbered(60).entries()) {
    await own.say(roomId, body);
    // Those who write are told when it fails; here it is the sender that has to go on.
    if (index % 20 === 10) await own.database.query(end, []);
  }
  await until(() => new Set(messagesOf(near)).size >= 60);
  assert.deepEqual([...new Set(messagesOf(near))], numbered(60));
});

test('operators see which servers are not reached, in the metrics of the process that sends and in the database', async () => {
  await using on = await createMigratedDatabase();
  await using own = await startSending(on, node);
  await using near = await startPeer('near.localhost');
  near.answer('PUT', sendPath, () => broken);
  const registry = new Registry();
  registerSenderMetrics(registry, own.sender);
  const roomId = await own.createRoom();
  await own.enter(roomId, near, near.userId('bob'));
  await own.say(roomId, 'first');
  await until(async () => (await findDatabaseStatus(own.database)).failing_servers === 1);
  const { failing_longest: longest } = await findDatabaseStatus(own.database);
  assert.deepEqual(
    longest.map((server) => server.server_name),
    [near.name],
  );
  const text = await registry.metrics();
  assert.match(text, /causeway_federation_destinations\{state="failing"\} 1/);
  assert.match(text, /causeway_federation_transactions_total\{outcome="unreachable"\} [1-9]/);
  acknowledge(near);
  await until(async () => (await findDatabaseStatus(own.database)).failing_servers === 0);
  assert.match(await registry.metrics(), /causeway_federation_sent_events_total [1-9]/);
});
