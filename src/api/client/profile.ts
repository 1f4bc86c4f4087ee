/** Owns the endpoints by which anybody reads profiles, and users change theirs. */
import { endpoint, jsonObject, type Principal } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { Database } from '#storage/database.ts';
import {
  deleteProfileField as deleteFieldOf,
  findProfile,
  setProfileField as setFieldOf,
  type ProfileParts,
} from '#users/profile.ts';
import type { RemoteProfiles } from '#users/remote/remote-profiles.ts';

/** What reading profiles needs. */
export type ProfileContext = {
  readonly database: Database;
  readonly isLocal: (id: string) => boolean;
  readonly remoteProfiles: RemoteProfiles;
};

/** The second one is MSC4133's, from before it was in the specification. */
const fieldAliases = [
  '/_matrix/client/r0/profile/{userId}/{keyName}',
  '/_matrix/client/unstable/uk.tcpip.msc4133/profile/{userId}/{keyName}',
] as const;

async function requireProfile(
  { database, isLocal, remoteProfiles }: ProfileContext,
  userId: string,
): Promise<Record<string, unknown>> {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a user ID.');
  const profile = isLocal(userId) ? await findProfile(database, userId) : await remoteProfiles.find(userId);
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
  aliases: fieldAliases,
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

/** Throws M_FORBIDDEN for another's profile, and M_GUEST_ACCESS_FORBIDDEN for what guests have not: they have a name. */
function requireOwnField(userId: string, keyName: string, caller: Principal): void {
  if (userId !== caller.userId) throw new MatrixError('M_FORBIDDEN', 'This is the profile of another user.');
  if (caller.isGuest && keyName !== 'displayname') {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests can change nothing but their display name.');
  }
}

export const setProfileField = endpoint({
  operation: 'client.setProfileField',
  method: 'PUT',
  path: '/_matrix/client/v3/profile/{userId}/{keyName}',
  aliases: fieldAliases,
  auth: 'user',
  guests: true,
  rateLimit: 'default',
  bodyRequired: true,
  body: jsonObject,
  spec: 'Client-Server API, Profiles',
  handler: async (context: ProfileParts, { params: { userId, keyName }, body, principal }) => {
    requireOwnField(userId, keyName, principal);
    if (!Object.hasOwn(body, keyName)) {
      throw new MatrixError('M_MISSING_PARAM', `The body lacks the key "${keyName}", which the path names.`);
    }
    await setFieldOf(context, principal, keyName, body[keyName]);
    return {};
  },
});

export const deleteProfileField = endpoint({
  operation: 'client.deleteProfileField',
  method: 'DELETE',
  path: '/_matrix/client/v3/profile/{userId}/{keyName}',
  aliases: fieldAliases,
  auth: 'user',
  guests: true,
  rateLimit: 'default',
  spec: 'Client-Server API, Profiles',
  handler: async (context: ProfileParts, { params: { userId, keyName }, principal }) => {
    requireOwnField(userId, keyName, principal);
    await deleteFieldOf(context, principal, keyName);
    return {};
  },
});
