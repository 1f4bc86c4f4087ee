/** Owns the endpoints by which users make, change and delete backups of their room keys. */
import { Type } from 'typebox';
import type { Clock } from '#core/clock.ts';
import { endpoint, jsonObject } from '#http/endpoint.ts';
import type { Database } from '#storage/database.ts';
import { createBackup, deleteBackup, describeBackup, updateBackup } from '#users/key-backup/backup-versions.ts';

/** What backups need. */
export type KeyBackupContext = { readonly database: Database; readonly clock: Clock };

const spec = 'Client-Server API, Server-side key backups';
const algorithm = Type.String({ minLength: 1, maxLength: 255, pattern: String.raw`^[^\u0000]*$` });

export const postRoomKeysVersion = endpoint({
  operation: 'client.postRoomKeysVersion',
  method: 'POST',
  path: '/_matrix/client/v3/room_keys/version',
  aliases: ['/_matrix/client/unstable/room_keys/version'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  bodyRequired: true,
  body: Type.Object({ algorithm, auth_data: jsonObject }),
  spec,
  handler: async ({ database }: KeyBackupContext, { body, principal }) => ({
    version: await createBackup(database, principal.userNid, body),
  }),
});

export const getRoomKeysVersionCurrent = endpoint({
  operation: 'client.getRoomKeysVersionCurrent',
  method: 'GET',
  path: '/_matrix/client/v3/room_keys/version',
  aliases: ['/_matrix/client/unstable/room_keys/version'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec,
  handler: ({ database }: KeyBackupContext, { principal }) => describeBackup(database, principal.userNid),
});

export const getRoomKeysVersion = endpoint({
  operation: 'client.getRoomKeysVersion',
  method: 'GET',
  path: '/_matrix/client/v3/room_keys/version/{version}',
  aliases: ['/_matrix/client/unstable/room_keys/version/{version}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec,
  handler: ({ database }: KeyBackupContext, { params, principal }) =>
    describeBackup(database, principal.userNid, params.version),
});

export const putRoomKeysVersion = endpoint({
  operation: 'client.putRoomKeysVersion',
  method: 'PUT',
  path: '/_matrix/client/v3/room_keys/version/{version}',
  aliases: ['/_matrix/client/unstable/room_keys/version/{version}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  bodyRequired: true,
  body: Type.Object({ algorithm, auth_data: jsonObject, version: Type.Optional(Type.String()) }),
  spec,
  handler: async ({ database }: KeyBackupContext, { params, body, principal }) => {
    await updateBackup(database, principal.userNid, params.version, body);
    return {};
  },
});

export const deleteRoomKeysVersion = endpoint({
  operation: 'client.deleteRoomKeysVersion',
  method: 'DELETE',
  path: '/_matrix/client/v3/room_keys/version/{version}',
  aliases: ['/_matrix/client/unstable/room_keys/version/{version}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  spec,
  handler: async (context: KeyBackupContext, { params, principal }) => {
    await deleteBackup(context, principal.userNid, params.version);
    return {};
  },
});
