/** Owns the endpoints by which users publish their cross-signing keys and what they sign with them. */
import { Type } from 'typebox';
import { answer } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { uploadCrossSigningKeys as uploadKeys, type UploadParts } from '#users/keys/upload-cross-signing-keys.ts';
import { uploadSignatures } from '#users/keys/upload-signatures.ts';
import { userAuthSchema } from '#users/uia/authorise-user.ts';

const keySchema = Type.Unsafe<JsonObject>(Type.Object({}));

export const uploadCrossSigningKeys = endpoint({
  operation: 'client.uploadCrossSigningKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/device_signing/upload',
  aliases: ['/_matrix/client/unstable/keys/device_signing/upload'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  numbers: 'canonical',
  body: Type.Object({
    master_key: Type.Optional(keySchema),
    self_signing_key: Type.Optional(keySchema),
    user_signing_key: Type.Optional(keySchema),
    auth: userAuthSchema,
  }),
  spec: 'Client-Server API, Cross-signing',
  handler: async (context: UploadParts, { body, principal }) => {
    const challenge = await uploadKeys(context, principal, body, body.auth);
    return challenge === undefined ? {} : answer({ status: 401, body: challenge });
  },
});

export const uploadCrossSigningSignatures = endpoint({
  operation: 'client.uploadCrossSigningSignatures',
  method: 'POST',
  path: '/_matrix/client/v3/keys/signatures/upload',
  aliases: ['/_matrix/client/unstable/keys/signatures/upload'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  numbers: 'canonical',
  bodyRequired: true,
  body: Type.Record(Type.String(), Type.Record(Type.String(), keySchema)),
  spec: 'Client-Server API, Cross-signing',
  handler: async (context: Pick<UploadParts, 'streams'>, { body, principal }) => ({
    failures: await uploadSignatures(context, principal, body),
  }),
});
