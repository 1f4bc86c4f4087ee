/** Proves that the embedded PostgreSQL of a stopped server is backed up, and one of an empty data directory restored into. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { manifestFile, tableFile } from '#storage/backup/manifest.ts';
import { expectRefusal, runCommand } from '#test/backup/commands.ts';
import { openSession, registerUser } from '#test/support/matrix-http.ts';
import { awaitNoProcessesOf } from '#test/support/processes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

test('a stopped server moves from one data directory to another, and leaves no process behind', async () => {
  using directory = makeTemporaryDirectory();
  const [from, to, backup] = ['from', 'to', 'backup'].map((name) => path.join(directory.path, name));
  assert.ok(from !== undefined && to !== undefined && backup !== undefined);
  await using former = await startServerProcess({ dataDir: from });
  const session = await registerUser(former.baseUrl);
  const roomId = await session.createRoom();
  const { nextBatch } = await session.sync();
  await former.stop();

  await runCommand(['backup', backup], { dataDir: from });
  for (const name of [manifestFile, tableFile('signing_keys')]) {
    assert.equal(statSync(path.join(backup, name)).mode & 0o077, 0, 'nobody else may read what is secret');
  }
  assert.equal(statSync(backup).mode & 0o077, 0);
  await runCommand(['restore', backup], { dataDir: to });
  await expectRefusal(['restore', backup], { dataDir: to }, /empty database only/);
  for (const dataDir of [from, to]) await awaitNoProcessesOf(dataDir, 5_000);

  await using server = await startServerProcess({ dataDir: to });
  const alice = openSession(server.baseUrl, session);
  assert.equal((await alice.sync({ since: nextBatch })).join.size, 0);
  await alice.sendText(roomId, 'here as well');
  const bodies = (await alice.getHistory(roomId)).map(({ content }) => content['body']);
  assert.equal(bodies.at(-1), 'here as well');
});
