/** Owns profiles of local users: reading them, changing one field, and asking for the rooms to be told. */
import type { Clock } from '#core/clock.ts';
import { localpartOf } from '#matrix/ids.ts';
import type { Database, ReadTx } from '#storage/database.ts';
import { replaceDirectoryTerms } from '#storage/users/directory-terms.ts';
import { findStoredProfile, type StoredProfile } from '#storage/users/find-profile.ts';
import { lockStoredProfile, persistProfile } from '#storage/users/profiles.ts';
import { persistWorkItem } from '#storage/work-items.ts';
import type { Presence } from '#streams/presence.ts';
import { buildDirectoryTerms } from '#users/directory-terms.ts';
import { isRoomField, requireProfileKey, requireProfileSize, requireTextField } from '#users/profile-fields.ts';

/** The fields that a local user has set, under the names of the specification. Undefined without such a user. */
export async function findProfile(db: ReadTx, userId: string): Promise<Record<string, unknown> | undefined> {
  const stored = await findStoredProfile(db, userId);
  return stored === undefined ? undefined : fieldsOf(stored);
}

function fieldsOf(stored: StoredProfile): Record<string, unknown> {
  const fields: Record<string, unknown> = JSON.parse(stored.fields);
  if (stored.displayname !== null) fields['displayname'] = stored.displayname;
  if (stored.avatar_url !== null) fields['avatar_url'] = stored.avatar_url;
  return fields;
}

export type ProfileParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly presence: Pick<Presence, 'renamed'>;
  readonly workWaiting: () => void;
};

export type ProfileOwner = { readonly userId: string; readonly userNid: number };

/** What is left to do once a name or an avatar has changed, as `work_items` holds it. */
export type ProfileChangePayload = ProfileOwner & {
  /** Rooms up to this number know the change. */
  readonly afterNid: number;
};

/**
 * Sets one field. An empty display name or avatar is none. Whoever shares a room with the user is told by member events,
 * which are sent after the answer. Throws M_KEY_TOO_LARGE, M_PROFILE_TOO_LARGE, M_INVALID_PARAM and M_BAD_JSON.
 * Specification: Client-Server API, "Profiles".
 */
export async function setProfileField(
  parts: ProfileParts,
  owner: ProfileOwner,
  key: string,
  value: unknown,
): Promise<void> {
  requireProfileKey(key);
  const text = isRoomField(key) || key === 'm.tz' ? requireTextField(key, value) : undefined;
  await changeField(parts, owner, key, isRoomField(key) && text === '' ? undefined : value);
}

/** Removes one field; one that is not there is removed already. */
export async function deleteProfileField(parts: ProfileParts, owner: ProfileOwner, key: string): Promise<void> {
  requireProfileKey(key);
  await changeField(parts, owner, key, undefined);
}

async function changeField(
  { database, clock, presence, workWaiting }: ProfileParts,
  { userId, userNid }: ProfileOwner,
  key: string,
  value: unknown,
): Promise<void> {
  const isForRooms = await database.transaction(async (tx) => {
    const stored = await lockStoredProfile(tx, userNid);
    const changed = withField(stored, key, value);
    requireProfileSize(fieldsOf(changed));
    await persistProfile(tx, userNid, changed);
    if (stored.displayname === changed.displayname && stored.avatar_url === changed.avatar_url) return false;
    await replaceDirectoryTerms(tx, userNid, buildDirectoryTerms(localpartOf(userId), changed.displayname));
    const payload: ProfileChangePayload = { userId, userNid, afterNid: 0 };
    const item = { kind: 'profile_changed', key: String(userNid), payload: JSON.stringify(payload) } as const;
    await persistWorkItem(tx, item, clock.now());
    return true;
  });
  if (!isForRooms) return;
  workWaiting();
  presence.renamed(userNid);
}

function withField(stored: StoredProfile, key: string, value: unknown): StoredProfile {
  if (isRoomField(key)) return { ...stored, [key]: value ?? null };
  const fields = new Map(Object.entries<unknown>(JSON.parse(stored.fields)));
  if (value === undefined) fields.delete(key);
  else fields.set(key, value);
  return { ...stored, fields: JSON.stringify(Object.fromEntries(fields)) };
}
