/** Owns the test that what one process revokes is revoked in all of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confirmed } from '#test/support/confirmed.ts';
import { assertError, logIn, openSession, registerUser } from '#test/support/matrix-http.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

test('a device that one process removes is refused by the others within a second (V63)', async () => {
  await using database = await createTestDatabase();
  await using one = await startServerProcess({ databaseUrl: database.url });
  await using other = await startServerProcess({ databaseUrl: database.url });
  const alice = await registerUser(one.baseUrl);
  const removed = await logIn(one.baseUrl, alice.userId);
  const loggedOut = await logIn(one.baseUrl, alice.userId);
  const elsewhere = [removed, loggedOut].map((device) => openSession(other.baseUrl, device));
  for (const device of elsewhere) assert.equal((await device.raw('GET', '/account/whoami')).status, 200);
  assert.equal((await confirmed(alice, 'DELETE', `/devices/${removed.deviceId}`)).status, 200);
  assert.equal((await loggedOut.raw('POST', '/logout')).status, 200);
  const revokedAt = performance.now();
  for (const device of elsewhere) {
    let answer = await device.raw('GET', '/account/whoami');
    while (answer.status === 200 && performance.now() - revokedAt < 4_000) {
      answer = await device.raw('GET', '/account/whoami');
    }
    assertError(answer, 401, 'M_UNKNOWN_TOKEN');
  }
  // The tokens were remembered for five seconds; two leave room for a busy machine.
  assert.ok(performance.now() - revokedAt < 2_000, 'the other process was told');
  assert.equal((await openSession(other.baseUrl, alice).raw('GET', '/account/whoami')).status, 200);
});
