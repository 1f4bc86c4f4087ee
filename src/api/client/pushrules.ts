/** Owns the endpoints by which clients read push rules. */
import { endpoint } from '#http/endpoint.ts';
import { buildDefaultPushRules } from '#notifications/default-push-rules.ts';

export const getPushRules = endpoint({
  operation: 'client.getPushRules',
  method: 'GET',
  path: '/_matrix/client/v3/pushrules/',
  aliases: ['/_matrix/client/v3/pushrules', '/_matrix/client/r0/pushrules/', '/_matrix/client/r0/pushrules'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Push Rules: API',
  handler: (_context: unknown, { principal }) => ({ global: buildDefaultPushRules(principal.userId) }),
});

export const getPushRulesGlobal = endpoint({
  operation: 'client.getPushRulesGlobal',
  method: 'GET',
  path: '/_matrix/client/v3/pushrules/global/',
  aliases: [
    '/_matrix/client/v3/pushrules/global',
    '/_matrix/client/r0/pushrules/global/',
    '/_matrix/client/r0/pushrules/global',
  ],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Push Rules: API',
  handler: (_context: unknown, { principal }) => buildDefaultPushRules(principal.userId),
});
