/** Owns the endpoints by which users store encrypted room keys in a backup, and fetch and remove them. */
import { Type } from 'typebox';
import { jsonPieces, rawJson } from '#http/answer.ts';
import { endpoint, jsonObject } from '#http/endpoint.ts';
import type { Database } from '#storage/database.ts';
import { removeBackupKeys, storeBackupKeys } from '#users/key-backup/backup-keys.ts';
import { readBackupKeys, requireBackupKey } from '#users/key-backup/read-backup-keys.ts';

/** What the keys in backups need. */
export type BackupKeysContext = { readonly database: Database };

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const roomKey = Type.Object({
  first_message_index: count,
  forwarded_count: count,
  is_verified: Type.Boolean(),
  session_data: jsonObject,
});
const roomKeys = Type.Object({ sessions: Type.Record(Type.String(), roomKey) });

const ofBackup = {
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  query: Type.Object({ version: Type.String() }),
  spec: 'Client-Server API, Server-side key backups',
} as const;

const all = {
  path: '/_matrix/client/v3/room_keys/keys',
  aliases: ['/_matrix/client/unstable/room_keys/keys'],
} as const;
const ofRoom = {
  path: '/_matrix/client/v3/room_keys/keys/{roomId}',
  aliases: ['/_matrix/client/unstable/room_keys/keys/{roomId}'],
} as const;
const ofSession = {
  path: '/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}',
  aliases: ['/_matrix/client/unstable/room_keys/keys/{roomId}/{sessionId}'],
} as const;

export const putRoomKeys = endpoint({
  operation: 'client.putRoomKeys',
  method: 'PUT',
  ...all,
  ...ofBackup,
  bodyRequired: true,
  body: Type.Object({ rooms: Type.Record(Type.String(), roomKeys) }),
  handler: ({ database }: BackupKeysContext, { query, body, principal }) =>
    storeBackupKeys(database, principal.userNid, query.version, body.rooms),
});

export const putRoomKeysByRoomId = endpoint({
  operation: 'client.putRoomKeysByRoomId',
  method: 'PUT',
  ...ofRoom,
  ...ofBackup,
  bodyRequired: true,
  body: roomKeys,
  handler: ({ database }: BackupKeysContext, { params, query, body, principal }) =>
    storeBackupKeys(database, principal.userNid, query.version, { [params.roomId]: body }),
});

export const putRoomKeyBySessionId = endpoint({
  operation: 'client.putRoomKeyBySessionId',
  method: 'PUT',
  ...ofSession,
  ...ofBackup,
  bodyRequired: true,
  body: roomKey,
  handler: ({ database }: BackupKeysContext, { params, query, body, principal }) =>
    storeBackupKeys(database, principal.userNid, query.version, {
      [params.roomId]: { sessions: { [params.sessionId]: body } },
    }),
});

export const getRoomKeys = endpoint({
  operation: 'client.getRoomKeys',
  method: 'GET',
  ...all,
  ...ofBackup,
  handler: async ({ database }: BackupKeysContext, { query, principal }) =>
    jsonPieces(await readBackupKeys(database, principal.userNid, query.version)),
});

export const getRoomKeysByRoomId = endpoint({
  operation: 'client.getRoomKeysByRoomId',
  method: 'GET',
  ...ofRoom,
  ...ofBackup,
  handler: async ({ database }: BackupKeysContext, { params, query, principal }) =>
    jsonPieces(await readBackupKeys(database, principal.userNid, query.version, params.roomId)),
});

export const getRoomKeyBySessionId = endpoint({
  operation: 'client.getRoomKeyBySessionId',
  method: 'GET',
  ...ofSession,
  ...ofBackup,
  handler: async ({ database }: BackupKeysContext, { params, query, principal }) =>
    rawJson(await requireBackupKey(database, principal.userNid, query.version, params)),
});

export const deleteRoomKeys = endpoint({
  operation: 'client.deleteRoomKeys',
  method: 'DELETE',
  ...all,
  ...ofBackup,
  handler: ({ database }: BackupKeysContext, { query, principal }) =>
    removeBackupKeys(database, principal.userNid, query.version, {}),
});

export const deleteRoomKeysByRoomId = endpoint({
  operation: 'client.deleteRoomKeysByRoomId',
  method: 'DELETE',
  ...ofRoom,
  ...ofBackup,
  handler: ({ database }: BackupKeysContext, { params, query, principal }) =>
    removeBackupKeys(database, principal.userNid, query.version, params),
});

export const deleteRoomKeyBySessionId = endpoint({
  operation: 'client.deleteRoomKeyBySessionId',
  method: 'DELETE',
  ...ofSession,
  ...ofBackup,
  handler: ({ database }: BackupKeysContext, { params, query, principal }) =>
    removeBackupKeys(database, principal.userNid, query.version, params),
});
