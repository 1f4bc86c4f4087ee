/** Owns the profiles of users of other servers: asked for when somebody looks, and remembered for a little while. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { FederationClient } from '#federation/federation-client.ts';
import { isRemoteFailure } from '#federation/remote-errors.ts';
import { serverNameOf } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { fetchJson } from '#users/remote/ask-servers.ts';

/** As much as a profile of ours may have. */
const PROFILE_BYTES_MAX = 65_536;
const ANSWER_MS = 5_000;
/** For so long what another server said is said again; also that it has no such user, or said nothing. */
const KEPT_MS = 60_000;
const CACHED_CHARACTERS_MAX = 8 * 1024 * 1024;
/** Profiles that are asked for at the same time. */
const QUESTIONS_MAX = 100;

type Kept = { readonly profile: JsonObject | undefined; readonly untilMs: number; readonly characters: number };

export type RemoteProfiles = {
  /** The fields of the profile; undefined where the user's server has none, or does not answer. */
  readonly find: (userId: string) => Promise<JsonObject | undefined>;
};

/** Specification: Server-Server API, "Querying for information", `GET /query/profile`. */
export function createRemoteProfiles(parts: {
  readonly client: FederationClient;
  readonly clock: Clock;
}): RemoteProfiles {
  const kept = new BoundedMap<string, Kept>({ sizeMax: CACHED_CHARACTERS_MAX, sizeOf: ({ characters }) => characters });
  const asking = new Map<string, Promise<JsonObject | undefined>>();

  const ask = async (userId: string): Promise<JsonObject | undefined> => {
    const profile = await fetchProfile(parts.client, userId);
    const characters = 500 + JSON.stringify(profile ?? {}).length;
    kept.set(userId, { profile, untilMs: parts.clock.monotonicMs() + KEPT_MS, characters });
    return profile;
  };

  return {
    find: (userId) => {
      const known = kept.get(userId);
      if (known !== undefined && known.untilMs > parts.clock.monotonicMs()) return Promise.resolve(known.profile);
      const underWay = asking.get(userId);
      if (underWay !== undefined) return underWay;
      if (asking.size >= QUESTIONS_MAX) return Promise.resolve(known?.profile);
      const question = ask(userId).finally(() => asking.delete(userId));
      asking.set(userId, question);
      return question;
    },
  };
}

async function fetchProfile(client: FederationClient, userId: string): Promise<JsonObject | undefined> {
  const path = `/_matrix/federation/v1/query/profile?user_id=${encodeURIComponent(userId)}`;
  try {
    const limits = { timeoutMs: ANSWER_MS, bytesMax: PROFILE_BYTES_MAX };
    return fittingFields(await fetchJson(client, serverNameOf(userId) ?? '', { method: 'GET', path, ...limits }));
  } catch (error) {
    if (isRemoteFailure(error)) return undefined;
    throw error;
  }
}

/** Clients rely on these two to be text. */
function fittingFields(profile: JsonObject): JsonObject {
  const { displayname, avatar_url: avatarUrl, ...others } = profile;
  return {
    ...others,
    ...(typeof displayname === 'string' && { displayname }),
    ...(typeof avatarUrl === 'string' && { avatar_url: avatarUrl }),
  };
}
