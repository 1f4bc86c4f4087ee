/** Owns the endpoints of e-mail addresses and phone numbers, which this server neither keeps nor can validate. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';

// Specification: Client-Server API, "Adding Account Administrative Contact Information". The bounds are those of V66.
const clientSecret = Type.String({ minLength: 1, maxLength: 255, pattern: '^[0-9a-zA-Z.=_-]+$' });
const sid = Type.String({ minLength: 1, maxLength: 255 });
const identifier = Type.Object({ medium: Type.String(), address: Type.String({ maxLength: 255 }) });
const emailRequest = Type.Object({
  client_secret: clientSecret,
  email: Type.String({ maxLength: 255 }),
  send_attempt: Type.Integer(),
});
const phoneRequest = Type.Object({
  client_secret: clientSecret,
  country: Type.String({ maxLength: 255 }),
  phone_number: Type.String({ maxLength: 255 }),
  send_attempt: Type.Integer(),
});

const spec = 'Client-Server API, Adding Account Administrative Contact Information';
const suspended = { allow: ['suspended'] } as const;

function refuseValidated(): never {
  throw new MatrixError('M_THREEPID_AUTH_FAILED', 'No e-mail address or phone number has been validated here.');
}

export const getAccount3PIDs = endpoint({
  operation: 'client.getAccount3PIDs',
  method: 'GET',
  path: '/_matrix/client/v3/account/3pid',
  aliases: ['/_matrix/client/r0/account/3pid'],
  auth: 'user',
  ...suspended,
  rateLimit: 'none',
  spec,
  handler: () => ({ threepids: [] }),
});

export const post3PIDs = endpoint({
  operation: 'client.post3PIDs',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid',
  aliases: ['/_matrix/client/r0/account/3pid'],
  auth: 'user',
  ...suspended,
  rateLimit: 'send',
  body: Type.Object({
    three_pid_creds: Type.Object({ client_secret: clientSecret, id_server: Type.String(), sid }),
  }),
  spec,
  handler: refuseValidated,
});

export const add3PID = endpoint({
  operation: 'client.add3PID',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/add',
  aliases: ['/_matrix/client/r0/account/3pid/add'],
  auth: 'user',
  ...suspended,
  rateLimit: 'default',
  body: Type.Object({ client_secret: clientSecret, sid }),
  spec,
  // Before the user is asked to confirm anything: there is no session of a validation that could be added.
  handler: refuseValidated,
});

export const bind3PID = endpoint({
  operation: 'client.bind3PID',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/bind',
  aliases: ['/_matrix/client/r0/account/3pid/bind'],
  auth: 'user',
  ...suspended,
  rateLimit: 'default',
  body: Type.Object({ client_secret: clientSecret, sid, id_server: Type.String(), id_access_token: Type.String() }),
  spec,
  handler: () => {
    throw new MatrixError('M_SERVER_NOT_TRUSTED', 'This server binds nothing at identity servers.');
  },
});

/** The identifier is not on the account afterwards, and which identity server has it is not known here. */
const notUnbound = { id_server_unbind_result: 'no-support' };

export const delete3pidFromAccount = endpoint({
  operation: 'client.delete3pidFromAccount',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/delete',
  aliases: ['/_matrix/client/r0/account/3pid/delete'],
  auth: 'user',
  rateLimit: 'send',
  body: identifier,
  spec,
  handler: () => notUnbound,
});

export const unbind3pidFromAccount = endpoint({
  operation: 'client.unbind3pidFromAccount',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/unbind',
  aliases: ['/_matrix/client/r0/account/3pid/unbind'],
  auth: 'user',
  rateLimit: 'send',
  body: identifier,
  spec,
  handler: () => notUnbound,
});

function refuseMedium(): never {
  throw new MatrixError('M_THREEPID_MEDIUM_NOT_SUPPORTED', 'This server sends no e-mail and no text messages.');
}

export const requestTokenTo3PIDEmail = endpoint({
  operation: 'client.requestTokenTo3PIDEmail',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/email/requestToken',
  aliases: ['/_matrix/client/r0/account/3pid/email/requestToken'],
  auth: 'none',
  rateLimit: 'send',
  body: emailRequest,
  spec,
  handler: refuseMedium,
});

export const requestTokenTo3PIDMSISDN = endpoint({
  operation: 'client.requestTokenTo3PIDMSISDN',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/msisdn/requestToken',
  aliases: ['/_matrix/client/r0/account/3pid/msisdn/requestToken'],
  auth: 'none',
  rateLimit: 'send',
  body: phoneRequest,
  spec,
  handler: refuseMedium,
});

function refuseToRegister(): never {
  throw new MatrixError('M_THREEPID_DENIED', 'Nobody registers by e-mail address or phone number on this server.');
}

export const requestTokenToRegisterEmail = endpoint({
  operation: 'client.requestTokenToRegisterEmail',
  method: 'POST',
  path: '/_matrix/client/v3/register/email/requestToken',
  aliases: ['/_matrix/client/r0/register/email/requestToken'],
  auth: 'none',
  rateLimit: 'send',
  body: emailRequest,
  spec: 'Client-Server API, Account registration',
  handler: refuseToRegister,
});

export const requestTokenToRegisterMSISDN = endpoint({
  operation: 'client.requestTokenToRegisterMSISDN',
  method: 'POST',
  path: '/_matrix/client/v3/register/msisdn/requestToken',
  aliases: ['/_matrix/client/r0/register/msisdn/requestToken'],
  auth: 'none',
  rateLimit: 'send',
  body: phoneRequest,
  spec: 'Client-Server API, Account registration',
  handler: refuseToRegister,
});

function refuseToReset(): never {
  throw new MatrixError('M_THREEPID_NOT_FOUND', 'No account of this server has an e-mail address or a phone number.');
}

export const requestTokenToResetPasswordEmail = endpoint({
  operation: 'client.requestTokenToResetPasswordEmail',
  method: 'POST',
  path: '/_matrix/client/v3/account/password/email/requestToken',
  aliases: ['/_matrix/client/r0/account/password/email/requestToken'],
  auth: 'none',
  rateLimit: 'send',
  body: emailRequest,
  spec: 'Client-Server API, Password management',
  handler: refuseToReset,
});

export const requestTokenToResetPasswordMSISDN = endpoint({
  operation: 'client.requestTokenToResetPasswordMSISDN',
  method: 'POST',
  path: '/_matrix/client/v3/account/password/msisdn/requestToken',
  aliases: ['/_matrix/client/r0/account/password/msisdn/requestToken'],
  auth: 'none',
  rateLimit: 'send',
  body: phoneRequest,
  spec: 'Client-Server API, Password management',
  handler: refuseToReset,
});
