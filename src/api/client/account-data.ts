/** Owns the endpoints of account data. */
import { requireOwn, requireRoomNid } from '#api/client/own-user.ts';
import type { Context } from '#context.ts';
import { rawJson, type HttpAnswer } from '#http/answer.ts';
import { endpoint, jsonObject } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { pushRulesContent, readPushRules } from '#notifications/push-rules/merge-push-rules.ts';
import { findAccountData, setAccountData as setContent, type AccountDataKey } from '#users/account-data.ts';

async function requireContent({ database }: Context, key: AccountDataKey): Promise<HttpAnswer> {
  const content = await findAccountData(database, key);
  if (content === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no account data of this type.');
  return rawJson(content);
}

export const setAccountData = endpoint({
  operation: 'client.setAccountData',
  method: 'PUT',
  path: '/_matrix/client/v3/user/{userId}/account_data/{type}',
  aliases: ['/_matrix/client/r0/user/{userId}/account_data/{type}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  bodyRequired: true,
  body: jsonObject,
  spec: 'Client-Server API, Client Config',
  handler: async ({ streams }: Context, { params: { userId, type }, bodyText, principal }) => {
    requireOwn(userId, principal);
    await setContent(streams.write, { userNid: principal.userNid, roomNid: 0, type }, bodyText);
    return {};
  },
});

export const getAccountData = endpoint({
  operation: 'client.getAccountData',
  method: 'GET',
  path: '/_matrix/client/v3/user/{userId}/account_data/{type}',
  aliases: ['/_matrix/client/r0/user/{userId}/account_data/{type}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Client Config',
  handler: async (context: Context, { params: { userId, type }, principal }) => {
    requireOwn(userId, principal);
    const key = { userNid: principal.userNid, roomNid: 0, type };
    if (type !== 'm.push_rules') return requireContent(context, key);
    // Those who have changed none have rules all the same, and what is stored of the server's may be out of date.
    const stored = await findAccountData(context.database, key);
    return rawJson(pushRulesContent(readPushRules(userId, stored)));
  },
});

export const setAccountDataPerRoom = endpoint({
  operation: 'client.setAccountDataPerRoom',
  method: 'PUT',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}',
  aliases: ['/_matrix/client/r0/user/{userId}/rooms/{roomId}/account_data/{type}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  bodyRequired: true,
  body: jsonObject,
  spec: 'Client-Server API, Client Config',
  handler: async ({ database, streams }: Context, { params: { userId, roomId, type }, bodyText, principal }) => {
    requireOwn(userId, principal);
    const roomNid = await requireRoomNid(database, roomId);
    await setContent(streams.write, { userNid: principal.userNid, roomNid, type }, bodyText);
    return {};
  },
});

export const getAccountDataPerRoom = endpoint({
  operation: 'client.getAccountDataPerRoom',
  method: 'GET',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}',
  aliases: ['/_matrix/client/r0/user/{userId}/rooms/{roomId}/account_data/{type}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Client Config',
  handler: async (context: Context, { params: { userId, roomId, type }, principal }) => {
    requireOwn(userId, principal);
    const roomNid = await requireRoomNid(context.database, roomId);
    return requireContent(context, { userNid: principal.userNid, roomNid, type });
  },
});
