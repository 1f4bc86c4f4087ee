/** Owns changing accounts: their password, their state, their end. */
import { statement, type Tx } from '#storage/database.ts';

const updatePassword = statement<{ user_nid: number }>(
  'update_account_password',
  `update accounts set password_hash = $2 where user_nid = $1 and deactivated_at is null returning user_nid`,
);

/** False when the account is gone. */
export async function persistPasswordHash(tx: Tx, userNid: number, passwordHash: string): Promise<boolean> {
  return (await tx.query(updatePassword, [userNid, passwordHash])).length === 1;
}

const updateGuest = statement<{ user_nid: number }>(
  'update_guest_account',
  `update accounts set is_guest = false, password_hash = $2
   where user_nid = $1 and is_guest and deactivated_at is null returning user_nid`,
);

/** Makes a guest a user with a password. False when it is no guest any more. */
export async function persistGuestUpgrade(tx: Tx, userNid: number, passwordHash: string): Promise<boolean> {
  return (await tx.query(updateGuest, [userNid, passwordHash])).length === 1;
}

const deactivate = statement<{ user_nid: number }>(
  'deactivate_account',
  `update accounts set deactivated_at = $2::bigint, password_hash = null, is_admin = false,
     erased_pos = $3
   where user_nid = $1 and deactivated_at is null returning user_nid`,
);

/**
 * Marks the account as deactivated, for good, and what it sent up to `erasedPos` in the event stream as erased. False when
 * it was deactivated already.
 */
export async function persistDeactivation(
  tx: Tx,
  userNid: number,
  now: number,
  erasedPos: number | undefined,
): Promise<boolean> {
  return (await tx.query(deactivate, [userNid, now, erasedPos ?? null])).length === 1;
}

// One statement for each table, as each has its own index of users. The rows of devices are gone by then.
const deleteProfile = statement<never>('delete_profile', 'delete from profiles where user_nid = $1');
const deleteFilters = statement<never>('delete_filters', 'delete from filters where user_nid = $1');
const deleteLoginTokens = statement<never>('delete_login_tokens', 'delete from login_tokens where user_nid = $1');
const deleteOpenidTokens = statement<never>('delete_openid_tokens', 'delete from openid_tokens where user_nid = $1');
const deleteUiaSessions = statement<never>('delete_uia_sessions', 'delete from uia_sessions where user_nid = $1');

/** Deletes what an account has besides its devices. */
export async function deleteAccountRows(tx: Tx, userNid: number): Promise<void> {
  await tx.query(deleteProfile, [userNid]);
  await tx.query(deleteFilters, [userNid]);
  await tx.query(deleteLoginTokens, [userNid]);
  await tx.query(deleteOpenidTokens, [userNid]);
  await tx.query(deleteUiaSessions, [userNid]);
}

const lock = statement<never>('lock_account', 'update accounts set locked_at = $2 where user_nid = $1');
const suspend = statement<never>('suspend_account', 'update accounts set suspended_at = $2 where user_nid = $1');

/** Locks or suspends an account from a time on, or ends that with null. */
export async function persistModeration(
  tx: Tx,
  userNid: number,
  kind: 'locked' | 'suspended',
  since: number | null,
): Promise<void> {
  await tx.query(kind === 'locked' ? lock : suspend, [userNid, since]);
}
