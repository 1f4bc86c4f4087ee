/** Proves that a server which is busy is backed up whole, and goes on from the backup in another PostgreSQL. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { readBackup } from '#storage/backup/read-backup.ts';
import { parseSyncToken } from '#streams/sync-token.ts';
import { assertPrefix, numbersOf, startBusyRooms } from '#test/backup/busy-rooms.ts';
import { runCommand } from '#test/backup/commands.ts';
import { contentOf } from '#test/backup/compare-backups.ts';
import { startSecondPostgres } from '#test/backup/second-postgres.ts';
import { makeDeviceKeys, makeFallbackKey, makeOneTimeKeys } from '#test/encryption/test-keys.ts';
import { encode, openSession, registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject } from '#test/support/matrix-shapes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { sectionOf } from '#test/support/sync-sections.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { tableOwners } from '#test/tidy/table-owners.ts';

/** What COPY, JSON or PostgreSQL write otherwise than as it is. */
const oddContents: readonly JsonObject[] = [
  { body: 'nul \u0000 and \\u0000', '\u0000': ['\u0000'] },
  { body: 'tab \t newline \n return \r backspace \b' },
  { body: '\\N \\. \\\\ \\t', '\\N': '\\.' },
  { body: '', empty: {}, list: [], nothing: null, most: Number.MAX_SAFE_INTEGER, least: -Number.MAX_SAFE_INTEGER },
  { body: '\u{1F4A1} \u2028 \uFEFF e\u0301', quote: '"\'$$' },
];
const everything = { room: { timeline: { limit: 1_000 } } };

/** A room with every kind of thing in it. Nobody writes there while the backup is taken. */
async function furnish(alice: MatrixHttp, bob: MatrixHttp): Promise<string> {
  const roomId = await alice.createRoom({ name: 'odd \u0000\t\\N', invite: [bob.userId] });
  await bob.join(roomId);
  for (const [index, content] of oddContents.entries()) {
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', ...content });
    await alice.setState(roomId, 'org.example.odd', content, `\\N\t${index}`);
  }
  const target = await alice.sendText(roomId, 'to be redacted');
  await alice.redact(roomId, target, 'because');
  const liked = await alice.sendText(roomId, 'to be liked');
  const relation = { rel_type: 'm.annotation', event_id: liked, key: '\\.' };
  await bob.send(roomId, 'm.reaction', { 'm.relates_to': relation });
  await bob.raw('POST', `/rooms/${encode(roomId)}/receipt/m.read/${encode(liked)}`, { body: {} });
  const path = `/user/${encode(alice.userId)}/account_data/org.example.odd`;
  await alice.raw('PUT', path, { body: { value: '\u0000\\N' } });
  return roomId;
}

/** All that a member can read of it. */
async function readAll(member: MatrixHttp, roomId: string): Promise<unknown> {
  const history = await member.getHistory(roomId);
  const state = await member.getFullState(roomId);
  const accountData = await member.raw('GET', `/user/${encode(member.userId)}/account_data/org.example.odd`);
  const comparable = (events: typeof history) =>
    events.map(({ raw }) => ({ ...raw, unsigned: { ...Object(raw['unsigned']), age: 0 } }));
  return { history: comparable(history), state: comparable(state), accountData: accountData.body };
}

async function sendNote(from: MatrixHttp, to: MatrixHttp, n: number): Promise<void> {
  const body = { messages: { [to.userId]: { [to.deviceId]: { n } } } };
  const answer = await from.raw('PUT', `/sendToDevice/org.example.note/${n}`, { body });
  assert.equal(answer.status, 200, answer.bodyText);
}

test('a busy server is backed up whole, and its clients go on after a restore into another PostgreSQL', async () => {
  using directory = makeTemporaryDirectory();
  const backup = path.join(directory.path, 'backup');
  await using former = await startServerProcess();
  const alice = await registerUser(former.baseUrl);
  const bob = await registerUser(former.baseUrl);
  const quietRoom = await furnish(alice, bob);
  const quiet = await readAll(alice, quietRoom);
  const { key, keys } = makeDeviceKeys(bob);
  const one_time_keys = makeOneTimeKeys(['1', '2'], bob, key);
  const fallback_keys = makeFallbackKey('F', bob, key);
  await bob.raw('POST', '/keys/upload', { body: { device_keys: keys, one_time_keys, fallback_keys } });

  const busy = await startBusyRooms(bob, 3);
  await busy.more(20);
  await sendNote(alice, bob, 1);
  const first = await bob.sync({ filter: everything });
  const second = await bob.sync({ since: first.nextBatch, filter: everything });
  const early = second.nextBatch;
  await sendNote(alice, bob, 2);
  const before = busy.count();
  const words = await runCommand(['backup', backup], { dataDir: former.dataDir });
  assert.match(words, /^Backed up [\d,]+ rows of \d+ tables/);
  const after = busy.count();
  await busy.more(20);
  await busy.stop();
  await sendNote(alice, bob, 3);
  const late = await bob.sync({ since: early, filter: everything });
  await former.stop();

  const { manifest } = await readBackup(backup);
  const leftOut = ['leases', 'presence', 'typing'];
  const expected = Object.keys(tableOwners).filter((table) => !leftOut.includes(table));
  assert.deepEqual(manifest.tables.map(({ name }) => name).toSorted(), expected.toSorted());
  assert.ok((await runCommand(['verify-backup', backup], { dataDir: directory.path })).includes('is whole'));

  await using postgres = await startSecondPostgres();
  await runCommand(['restore', backup], { databaseUrl: postgres.url });
  const again = path.join(directory.path, 'again');
  await runCommand(['backup', again], { databaseUrl: postgres.url });
  const forgets = { one_time_keys: '', token_epochs: '' };
  assert.deepEqual({ ...(await contentOf(again)), ...forgets }, { ...(await contentOf(backup)), ...forgets });

  await using restored = await startServerProcess({ databaseUrl: postgres.url });
  const [aliceNow, bobNow] = [openSession(restored.baseUrl, alice), openSession(restored.baseUrl, bob)];
  assert.deepEqual(await readAll(aliceNow, quietRoom), quiet);
  const histories = new Map<string, number[]>();
  for (const [index, room] of busy.rooms.entries()) {
    const history = await bobNow.getHistory(room.roomId);
    // One message of each room may have been on its way when the backup ended.
    assertPrefix(history, room, before[index] ?? 0, (after[index] ?? 0) + 1);
    histories.set(room.roomId, numbersOf(history));
  }

  // A token of before the backup means what it meant, one of after it means where the backup ends.
  const caughtUp = await bobNow.sync({ since: early, filter: everything });
  for (const [roomId, numbers] of histories) {
    const told = [first, second, caughtUp].flatMap(({ join }) => numbersOf(join.get(roomId)?.timeline ?? []));
    assert.deepEqual(told, numbers, 'all that the backup has is told once, across the restore');
  }
  const notes = sectionOf(caughtUp.raw, 'to_device').map(({ content }) => content['n']);
  assert.deepEqual(notes, [2], 'neither the one that was acknowledged nor the one sent after the backup');
  const onward = await bobNow.sync({ since: late.nextBatch, filter: everything });
  assert.deepEqual([...onward.join.keys()], [], 'nothing is told twice');
  assert.deepEqual(sectionOf(onward.raw, 'to_device'), []);

  // Row R28 of the reference on reliability: positions leap, one-time keys are gone, fallback keys are not.
  const [was, is] = [parseSyncToken(late.nextBatch), parseSyncToken(onward.nextBatch)];
  assert.ok(was && is && is.epoch > was.epoch);
  const eventId = await aliceNow.sendText(quietRoom, 'after the restore');
  const news = await bobNow.sync({ since: onward.nextBatch, filter: everything, timeout: 20_000 });
  assert.deepEqual(
    [...news.join].flatMap(([, room]) => room.timeline.map(({ event_id }) => event_id)),
    [eventId],
  );
  const reached = parseSyncToken(news.nextBatch);
  assert.ok(reached && reached.positions[0] > was.positions[0], 'no position is given a second time');
  assert.deepEqual(news.raw['device_one_time_keys_count'], {});
  assert.deepEqual(news.raw['device_unused_fallback_key_types'], ['signed_curve25519']);
  for (const { sender, roomId, acknowledged } of busy.rooms) {
    const now = openSession(restored.baseUrl, sender);
    await now.sendText(roomId, String(histories.get(roomId)?.length));
    const numbers = numbersOf(await bobNow.getHistory(roomId));
    assert.deepEqual(numbers, [...numbers.keys()], `${acknowledged.length} were sent, and it goes on from the backup`);
  }
});
