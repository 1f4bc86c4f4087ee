/** Owns the endpoints by which administrators look after accounts. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { isModerated, requireWhois, setModerated, type AdministrationParts } from '#users/administer-account.ts';

const spec = 'Client-Server API, Server administration';

export const getAdminLockUser = endpoint({
  operation: 'client.getAdminLockUser',
  method: 'GET',
  path: '/_matrix/client/v1/admin/lock/{userId}',
  auth: 'user',
  rateLimit: 'none',
  spec,
  handler: async (context: AdministrationParts, { params, principal }) => ({
    locked: await isModerated(context, principal.userNid, params.userId, 'locked'),
  }),
});

export const setAdminLockUser = endpoint({
  operation: 'client.setAdminLockUser',
  method: 'PUT',
  path: '/_matrix/client/v1/admin/lock/{userId}',
  auth: 'user',
  rateLimit: 'send',
  body: Type.Object({ locked: Type.Boolean() }),
  spec,
  handler: async (context: AdministrationParts, { params, body, principal }) => {
    const change = { userId: params.userId, kind: 'locked', value: body.locked } as const;
    await setModerated(context, principal.userNid, change);
    return { locked: body.locked };
  },
});

export const getAdminSuspendUser = endpoint({
  operation: 'client.getAdminSuspendUser',
  method: 'GET',
  path: '/_matrix/client/v1/admin/suspend/{userId}',
  auth: 'user',
  rateLimit: 'none',
  spec,
  handler: async (context: AdministrationParts, { params, principal }) => ({
    suspended: await isModerated(context, principal.userNid, params.userId, 'suspended'),
  }),
});

export const setAdminSuspendUser = endpoint({
  operation: 'client.setAdminSuspendUser',
  method: 'PUT',
  path: '/_matrix/client/v1/admin/suspend/{userId}',
  auth: 'user',
  rateLimit: 'send',
  body: Type.Object({ suspended: Type.Boolean() }),
  spec,
  handler: async (context: AdministrationParts, { params, body, principal }) => {
    const change = { userId: params.userId, kind: 'suspended', value: body.suspended } as const;
    await setModerated(context, principal.userNid, change);
    return { suspended: body.suspended };
  },
});

export const getWhoIs = endpoint({
  operation: 'client.getWhoIs',
  method: 'GET',
  path: '/_matrix/client/v3/admin/whois/{userId}',
  aliases: ['/_matrix/client/r0/admin/whois/{userId}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec,
  handler: (context: AdministrationParts, { params, principal }) => requireWhois(context, principal, params.userId),
});
