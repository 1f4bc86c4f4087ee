/** Owns the endpoints by which users change their password and end their account. */
import { Type } from 'typebox';
import { answer } from '#http/answer.ts';
import { endpoint, type Principal } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { changePassword as changePasswordOf } from '#users/change-password.ts';
import { deactivateAccount as deactivateAccountOf, type DeactivationParts } from '#users/deactivate-account.ts';
import { requireAcceptablePassword, type PasswordRules } from '#users/passwords.ts';
import type { DeviceRemovalParts } from '#users/remove-devices.ts';
import { authoriseUser, useConfirmation, userAuthSchema, type AuthoriseUserParts } from '#users/uia/authorise-user.ts';

/** The specification leaves it to the server what somebody without a session may do: here it takes one. */
function requireSession(principal: Principal | undefined): Principal {
  if (principal === undefined) throw new MatrixError('M_MISSING_TOKEN', 'This request needs an access token.');
  return principal;
}

export const changePassword = endpoint({
  operation: 'client.changePassword',
  method: 'POST',
  path: '/_matrix/client/v3/account/password',
  aliases: ['/_matrix/client/r0/account/password'],
  auth: 'optionalUser',
  allow: ['suspended'],
  rateLimit: 'login',
  body: Type.Object({
    new_password: Type.Optional(Type.String()),
    logout_devices: Type.Optional(Type.Boolean()),
    auth: userAuthSchema,
  }),
  spec: 'Client-Server API, Password management',
  handler: async (context: AuthoriseUserParts & DeviceRemovalParts & PasswordRules, { body, principal }) => {
    const { userNid, deviceNid } = requireSession(principal);
    const { new_password: newPassword, logout_devices: logOutOthers = true } = body;
    if (newPassword !== undefined) requireAcceptablePassword(context, newPassword);
    const request = JSON.stringify([newPassword, logOutOthers]);
    const confirmation = { operation: 'client.changePassword', userNid, request, auth: body.auth };
    const verdict = await authoriseUser(context, confirmation);
    if (!verdict.authorised) return answer({ status: 401, body: verdict.challenge });
    // Only now, because clients ask for the flows with an empty request.
    if (newPassword === undefined) {
      throw new MatrixError('M_MISSING_PARAM', 'The body lacks the required key "new_password".');
    }
    await changePasswordOf(context, { userNid, deviceNid, newPassword, logOutOthers }, (tx) =>
      useConfirmation(tx, verdict.sessionHash),
    );
    return {};
  },
});

export const deactivateAccount = endpoint({
  operation: 'client.deactivateAccount',
  method: 'POST',
  path: '/_matrix/client/v3/account/deactivate',
  aliases: ['/_matrix/client/r0/account/deactivate'],
  auth: 'optionalUser',
  allow: ['suspended'],
  rateLimit: 'login',
  body: Type.Object({
    id_server: Type.Optional(Type.String()),
    erase: Type.Optional(Type.Boolean()),
    auth: userAuthSchema,
  }),
  spec: 'Client-Server API, Account deactivation',
  handler: async (context: AuthoriseUserParts & DeactivationParts, { body, principal }) => {
    const { userId, userNid } = requireSession(principal);
    const isErased = body.erase === true;
    const confirmation = {
      operation: 'client.deactivateAccount',
      userNid,
      request: JSON.stringify(isErased),
      auth: body.auth,
    };
    const verdict = await authoriseUser(context, confirmation);
    if (!verdict.authorised) return answer({ status: 401, body: verdict.challenge });
    await deactivateAccountOf(context, { userId, userNid, isErased }, (tx) => useConfirmation(tx, verdict.sessionHash));
    // The specification asks for this when there was nothing to unbind.
    return { id_server_unbind_result: 'success' };
  },
});
