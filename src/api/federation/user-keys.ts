/** Owns the endpoints by which other servers learn and claim keys of users of this one. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { claimedJson, claimKeys, requireFewClaims } from '#users/keys/claim-keys.ts';
import { queryKeys } from '#users/keys/query-keys.ts';

/** What is asked of users of this server. */
function onlyLocal<Asked>(
  byUser: Readonly<Record<string, Asked>>,
  isLocal: (id: string) => boolean,
): Record<string, Asked> {
  return Object.fromEntries(Object.entries(byUser).filter(([userId]) => isLocal(userId)));
}

export const queryUserEncryptionKeys = endpoint({
  operation: 'federation.queryUserEncryptionKeys',
  method: 'POST',
  path: '/_matrix/federation/v1/user/keys/query',
  auth: 'server',
  rateLimit: 'none',
  bodyRequired: true,
  body: Type.Object({ device_keys: Type.Record(Type.String(), Type.Array(Type.String())) }),
  spec: 'Server-Server API, End-to-End Encryption',
  handler: async ({ database, isLocal }: Context, { body }) => {
    // A user-signing key is nobody's business but its user's.
    const keys = await queryKeys(database, onlyLocal(body.device_keys, isLocal), undefined);
    const members = (['device_keys', 'master_keys', 'self_signing_keys'] as const).map(
      (member) => `"${member}":${keys[member]}`,
    );
    return rawJson(`{${members.join(',')}}`);
  },
});

export const claimUserEncryptionKeys = endpoint({
  operation: 'federation.claimUserEncryptionKeys',
  method: 'POST',
  path: '/_matrix/federation/v1/user/keys/claim',
  auth: 'server',
  rateLimit: 'none',
  bodyRequired: true,
  body: Type.Object({ one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())) }),
  spec: 'Server-Server API, End-to-End Encryption',
  handler: async (context: Context, { body, principal }) => {
    requireFewClaims(body.one_time_keys);
    const claimed = await claimKeys(context, principal.origin, onlyLocal(body.one_time_keys, context.isLocal));
    return rawJson(`{"one_time_keys":${claimedJson(claimed)}}`);
  },
});
