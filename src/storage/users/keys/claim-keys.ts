/** Owns giving out one-time keys: each to one claimer, whoever asks at the same time and in whichever process. */
import { statement, type ReadTx } from '#storage/database.ts';

export type KeyName = { readonly userId: string; readonly deviceId: string; readonly algorithm: string };

export type KeyClaim = KeyName & {
  /** Whether no one-time key is to be given. */
  readonly onlyFallback: boolean;
};

export type ClaimedKey = KeyName & {
  readonly deviceNid: number;
  readonly userNid: number;
  readonly keyId: string;
  readonly json: string;
};

// Claimers pass over what others have locked and wait for nobody, so they cannot deadlock. A key that a device may still
// receive messages for is only marked, for the sake of a repeated upload. Finds one row for each claim by the index of
// unclaimed keys; fallback keys are written once, at their first use.
const claim = statement<ClaimedKey>(
  'claim_one_time_keys',
  `with asked as (
     select c.*, d.device_nid, d.user_nid
     from unnest($1::text[], $2::text[], $3::text[], $5::boolean[]) as c (user_id, device_id, algorithm, only_fallback)
     join users u on u.user_id = c.user_id
     join devices d on d.user_nid = u.user_nid and d.device_id = c.device_id),
   picked as (
     select a.*, o.key_id, o.key_json
     from asked a cross join lateral (
       select key_id, key_json from one_time_keys
       where device_nid = a.device_nid and algorithm = a.algorithm and claimed_at is null and not a.only_fallback
       order by upload_order limit 1 for update skip locked) o),
   taken as (
     update one_time_keys o set claimed_at = $4 from picked p
     where o.device_nid = p.device_nid and o.algorithm = p.algorithm and o.key_id = p.key_id),
   fallen as (
     select a.*, f.key_id, f.key_json
     from asked a join fallback_keys f on f.device_nid = a.device_nid and f.algorithm = a.algorithm
     where not exists (select from picked p where p.device_nid = a.device_nid and p.algorithm = a.algorithm)),
   unused as (
     select f.device_nid, f.algorithm
     from fallback_keys f join fallen on fallen.device_nid = f.device_nid and fallen.algorithm = f.algorithm
     where not f.is_used and f.key_id = fallen.key_id for update of f skip locked),
   marked as (
     update fallback_keys f set is_used = true from unused
     where f.device_nid = unused.device_nid and f.algorithm = unused.algorithm)
   select user_id as "userId", device_id as "deviceId", algorithm, device_nid as "deviceNid", user_nid as "userNid",
     key_id as "keyId", key_json as json from picked
   union all
   select user_id, device_id, algorithm, device_nid, user_nid, key_id, key_json from fallen`,
);

/** For each claim the oldest one-time key, or the fallback key; what has neither is missing. In one statement. */
export function claimKeysOfDevices(db: ReadTx, claims: readonly KeyClaim[], claimedAt: number): Promise<ClaimedKey[]> {
  return db.query(claim, [
    claims.map(({ userId }) => userId),
    claims.map(({ deviceId }) => deviceId),
    claims.map(({ algorithm }) => algorithm),
    claimedAt,
    claims.map(({ onlyFallback }) => onlyFallback),
  ]);
}
