/**
 * Proves what a full disk does: nothing is acknowledged that is not kept, reading goes on, and when there is room again all
 * goes on without anybody's help. A disk of a size of its own takes the rights of root; without them the test says so.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '#test/embedded/start.ts';
import { connectAsSuperuser, startOwnPostgres } from '#test/reliability/own-postgres.ts';
import { encode, registerUser, request, uniqueName } from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const diskMegabytes = 600;
/** So little that the tables cannot grow, and less than a segment of the log, which is there already. */
const leftKilobytes = 256;
const messageBytes = 30_000;

test('R17: on a full disk nothing is acknowledged that is not kept, rooms can be read, and it ends by itself', async (context) => {
  using directory = makeTemporaryDirectory();
  const disk = join(directory.path, 'disk');
  mkdirSync(disk);
  if (!mountDisk(disk)) {
    context.diagnostic('not run: a disk of its own needs the rights of root');
    return;
  }
  try {
    await fillAndFree(join(disk, 'data'), join(disk, 'ballast'));
  } finally {
    execFileSync('umount', [disk]);
  }
});

function mountDisk(disk: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMegabytes}m,mode=755`, 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function fillAndFree(dataDir: string, ballast: string): Promise<void> {
  await using postgres = await startOwnPostgres({}, dataDir);
  const env = { CAUSEWAY_STORAGE_QUEUE_MS_MAX: '1000' };
  await using server = await startServerProcess({ databaseUrl: postgres.url, env });
  const alice = await registerUser(server.baseUrl, uniqueName('alice'));
  const roomId = await alice.createRoom();
  const kept: string[] = [];
  const send = async (n: number): Promise<number> => {
    const path = `/rooms/${encode(roomId)}/send/m.room.message/${n}`;
    const body = { msgtype: 'm.text', body: `${n} ${'x'.repeat(messageBytes)}` };
    const answer = await alice.raw('PUT', path, { body });
    if (answer.status === 200) kept.push(text(answer.body, 'event_id'));
    else assert.ok(answer.status === 503 && answer.headers.has('retry-after'), answer.bodyText);
    return answer.status;
  };
  assert.equal(await send(0), 200);
  // A fresh segment of the log, so that it is the tables that find no room.
  await using admin = await connectAsSuperuser(postgres.connection);
  await admin.rows('checkpoint');
  await admin.rows('select pg_switch_wal()');
  await admin.rows(`select pg_logical_emit_message(false, 'test', 'x')`);
  fillDisk(dataDir, ballast);
  let sent = 1;
  for (; sent < 200; sent++) if ((await send(sent)) === 503) break;
  assert.ok(sent < 200, 'the disk was full');
  assert.equal((await alice.getHistory(roomId)).length > 0, true, 'rooms can be read');
  assert.equal((await alice.raw('GET', '/sync')).status, 200);
  assert.equal(await send(sent), 503, 'the same again is refused as long as the disk is full');

  rmSync(ballast);
  await until(async () => (await send(sent)) === 200, 'there was room again');
  await until(async () => (await request(server.metricsUrl, 'GET', '/ready')).status === 200, 'health was green');
  const history = (await alice.getHistory(roomId)).filter(({ type }) => type === 'm.room.message');
  assert.deepEqual(
    history.map(({ event_id }) => event_id),
    kept,
  );
  await server.stop();
}

/** Writes until only so much is left. */
function fillDisk(onDisk: string, file: string): void {
  const out = openSync(file, 'w');
  const block = Buffer.alloc(64 * 1024);
  for (let tries = 0; tries < 100_000; tries++) {
    const { bavail, bsize } = statfsSync(onDisk);
    if (bavail * bsize <= leftKilobytes * 1024) break;
    writeSync(out, block);
  }
  closeSync(out);
}
