/** Owns the endpoints by which anybody reads profiles. */
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { Database } from '#storage/database.ts';
import { findProfile } from '#users/profile.ts';

/** What reading profiles needs. */
export type ProfileContext = { readonly database: Database; readonly isLocal: (id: string) => boolean };

async function requireProfile({ database, isLocal }: ProfileContext, userId: string): Promise<Record<string, unknown>> {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a user ID.');
  const profile = isLocal(userId) ? await findProfile(database, userId) : undefined;
  if (profile === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no profile of this user.');
  return profile;
}

export const getUserProfile = endpoint({
  operation: 'client.getUserProfile',
  method: 'GET',
  path: '/_matrix/client/v3/profile/{userId}',
  aliases: ['/_matrix/client/r0/profile/{userId}'],
  auth: 'none',
  rateLimit: 'none',
  spec: 'Client-Server API, Profiles',
  handler: (context: ProfileContext, { params }) => requireProfile(context, params.userId),
});

export const getProfileField = endpoint({
  operation: 'client.getProfileField',
  method: 'GET',
  path: '/_matrix/client/v3/profile/{userId}/{keyName}',
  aliases: ['/_matrix/client/r0/profile/{userId}/{keyName}'],
  auth: 'none',
  rateLimit: 'none',
  spec: 'Client-Server API, Profiles',
  handler: async (context: ProfileContext, { params }) => {
    const profile = await requireProfile(context, params.userId);
    if (!Object.hasOwn(profile, params.keyName)) {
      throw new MatrixError('M_NOT_FOUND', 'The user has not set this field.');
    }
    return { [params.keyName]: profile[params.keyName] };
  },
});
