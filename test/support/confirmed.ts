/** Owns making requests that their user has to confirm by password, as a client does. */
import assert from 'node:assert/strict';
import { testPassword, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { text, type JsonObject } from '#test/support/matrix-shapes.ts';

/** Asks, is told to confirm, and confirms. The answer is that of the second request. */
export async function confirmed(
  user: MatrixHttp,
  method: string,
  path: string,
  body: JsonObject = {},
  password = testPassword,
): Promise<Answer> {
  const session = await askedToConfirm(user, method, path, body);
  return user.raw(method, path, { body: { ...body, auth: passwordAuth(user.userId, session, password) } });
}

/** The session of the 401 that a request without `auth` gets. */
export async function askedToConfirm(
  user: MatrixHttp,
  method: string,
  path: string,
  body: JsonObject = {},
): Promise<string> {
  const first = await user.raw(method, path, { body });
  assert.equal(first.status, 401, `${method} ${path} should ask for confirmation: ${first.bodyText}`);
  assert.deepEqual(first.body['flows'], [{ stages: ['m.login.password'] }]);
  return text(first.body, 'session');
}

/** The `auth` of the password stage. */
export function passwordAuth(userId: string, session: string, password = testPassword): JsonObject {
  return { type: 'm.login.password', identifier: { type: 'm.id.user', user: userId }, password, session };
}
