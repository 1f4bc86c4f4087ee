/** Owns the tests of reporting content, from the report to what the operator reads. Specification: "Reporting content". */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { assertError, encode, registerUser, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startServerProcess, testServerName } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const run = promisify(execFile);

async function listReports(databaseUrl: string, ...args: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await run(process.execPath, ['src/bin.js', 'list-reports', ...args], {
    env: { ...process.env, CAUSEWAY_DATABASE_URL: databaseUrl, CAUSEWAY_SERVER_NAME: testServerName },
  });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Record<string, unknown> => JSON.parse(line));
}

test('rooms, events and users are reported by whoever may, and the operator reads it', async () => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url });
  const [alice, bob, carol] = await Promise.all(
    ['alice', 'bob', 'carol'].map((name) => registerUser(server.baseUrl, name)),
  );
  assert.ok(alice !== undefined && bob !== undefined && carol !== undefined);
  const post = (user: MatrixHttp, path: string, body: object): Promise<Answer> => user.raw('POST', path, { body });
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId);
  const eventId = await alice.sendText(roomId, 'offensive');
  const room = `/rooms/${encode(roomId)}/report`;
  const event = `${room}/${encode(eventId)}`;

  assert.equal((await post(bob, event, { reason: 'rude', score: -100 })).status, 200);
  assert.equal((await post(bob, event, {})).status, 200);
  assert.equal((await post(carol, room, { reason: 'dubious' })).status, 200, 'nobody need be in the room');
  assert.equal(
    (await post(carol, `/users/${encode(alice.userId)}/report`, { reason: `a\0${'x'.repeat(9_000)}` })).status,
    200,
  );

  assertError(await post(carol, event, { reason: 'not in the room' }), 404, 'M_NOT_FOUND');
  assertError(await post(bob, `${room}/${encode('$nonsense')}`, { reason: 'no event' }), 404, 'M_NOT_FOUND');
  await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' });
  const peeked = await alice.sendText(roomId, 'for the world');
  assertError(await post(carol, `${room}/${encode(peeked)}`, { reason: 'peeking is not joining' }), 404, 'M_NOT_FOUND');
  assert.equal((await post(bob, `/rooms/${encode('!nowhere:hs1.test')}/report`, { reason: 'none' })).status, 200);
  assert.equal((await post(bob, `/users/${encode('@nobody:hs1.test')}/report`, { reason: 'none' })).status, 200);
  assertError(await post(bob, room, {}), 400, 'M_MISSING_PARAM');
  assertError(await post(bob, event, { reason: 5 }), 400, 'M_BAD_JSON');

  const reports = await listReports(database.url);
  assert.deepEqual(
    reports.map(({ reported_at: _at, report_nid: _nid, reason, ...report }) => ({
      ...report,
      reason: String(reason).slice(0, 8),
    })),
    [
      { reporter: carol.userId, room_id: null, event_id: null, user_id: alice.userId, reason: 'a\u{FFFD}xxxxxx' },
      { reporter: carol.userId, room_id: roomId, event_id: null, user_id: null, reason: 'dubious' },
      { reporter: bob.userId, room_id: roomId, event_id: eventId, user_id: alice.userId, reason: '' },
      { reporter: bob.userId, room_id: roomId, event_id: eventId, user_id: alice.userId, reason: 'rude' },
    ],
  );
  assert.equal(String(reports[0]?.['reason']).length, 5_000);
  assert.equal((await listReports(database.url, '--limit', '1')).length, 1);
});
