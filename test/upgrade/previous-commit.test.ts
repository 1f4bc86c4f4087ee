/** Proves that a data directory which the commit before this one wrote is opened, or refused with a sentence. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { baselineFingerprint } from '#migrations/baseline/statements.ts';
import { logIn, openSession, registerUser, type Session } from '#test/support/matrix-http.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const previousCommit = spawnSync('git', ['rev-parse', '--verify', 'HEAD~1'], { cwd: root, encoding: 'utf8' });
const skip = previousCommit.status === 0 ? false : 'This checkout has no previous commit: its history is missing.';

test(
  'a data directory of the previous commit is opened, or refused because the first schema differs',
  { skip },
  async () => {
    using directory = makeTemporaryDirectory();
    const checkout = path.join(directory.path, 'previous');
    checkOut(previousCommit.stdout.trim(), checkout);
    const dataDir = path.join(directory.path, 'data');
    const before = await writeDataDirectory(checkout, dataDir);

    if (fingerprintOf(checkout) !== baselineFingerprint) {
      await assert.rejects(
        startServerProcess({ dataDir }),
        /whose tables were others.* begin with an empty data directory/,
      );
      return;
    }
    await using server = await startServerProcess({ dataDir });
    // The device goes on where it was, and the password opens another one.
    const alice = openSession(server.baseUrl, before.alice);
    assert.equal((await alice.sync({ since: before.nextBatch })).join.size, 0, 'nothing has happened since');
    const eventId = await alice.sendText(before.roomId, 'after');
    const bodies = (await alice.getHistory(before.roomId)).map(({ content }) => content['body']);
    assert.deepEqual(
      bodies.filter((body) => body !== undefined),
      ['before', 'after'],
    );
    const room = (await (await logIn(server.baseUrl, alice.userId)).sync()).join.get(before.roomId);
    assert.equal(room?.timeline.at(-1)?.event_id, eventId);
  },
);

/** The files of a commit, with the dependencies of this checkout. */
function checkOut(commit: string, folder: string): void {
  mkdirSync(folder);
  const archive = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 256 * 1024 * 1024 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
}

type Before = { readonly alice: Session; readonly roomId: string; readonly nextBatch: string };

async function writeDataDirectory(checkout: string, dataDir: string): Promise<Before> {
  await using server = await startServerProcess({ checkout, dataDir });
  const alice = await registerUser(server.baseUrl);
  const roomId = await alice.createRoom();
  await alice.sendText(roomId, 'before');
  const { nextBatch } = await alice.sync();
  await server.stop();
  return { alice, roomId, nextBatch };
}

/** Undefined for a commit whose databases did not say yet what they began with. */
function fingerprintOf(checkout: string): string | undefined {
  const print = `process.stdout.write((await import('#migrations/baseline/statements.ts')).baselineFingerprint)`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', print], {
    cwd: checkout,
    encoding: 'utf8',
  });
  return status === 0 ? stdout : undefined;
}
