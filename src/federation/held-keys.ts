/** Owns a server's keys as they are known here. Times are milliseconds since 1970. */
import { canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import type { PublishedKey, PublishedKeys } from '#federation/read-server-keys.ts';
import type { VerifyKey } from '#matrix/signing-keys.ts';
import type { PublishedRows } from '#storage/federation/server-keys.ts';

export type HeldKey = {
  readonly key: VerifyKey;
  /** Until when a key in use may be relied on. */
  readonly validUntilTs: number | undefined;
  /** Since when it is not in use. */
  readonly expiredTs: number | undefined;
};

/** By id. */
export type HeldKeys = ReadonlyMap<string, HeldKey>;

/**
 * What was known, and what its server has published. A key that was in use and is not listed any more has been withdrawn: it
 * stays good for what was signed before `fetchedAt`.
 */
export function mergePublished(known: HeldKeys, published: readonly PublishedKey[], fetchedAt: number): HeldKeys {
  const before = [...known].map(([keyId, { key, validUntilTs, expiredTs }]): [string, HeldKey] => {
    const until = validUntilTs === undefined ? undefined : Math.min(validUntilTs, fetchedAt);
    return [keyId, { key, validUntilTs: until, expiredTs }];
  });
  return new Map([...before, ...published.map((key): [string, HeldKey] => [key.keyId, key])]);
}

/** What was known, and what somebody else vouches for: it takes the place of nothing that is known. */
export function mergeVouched(known: HeldKeys, vouched: readonly PublishedKey[]): HeldKeys {
  const merged = new Map(known);
  for (const key of vouched) {
    const before = known.get(key.keyId);
    if (before === undefined || isLonger(before, key)) merged.set(key.keyId, key);
  }
  return merged;
}

/** The same key, in use for longer than was known. */
function isLonger(before: HeldKey, after: PublishedKey): boolean {
  if (before.expiredTs !== undefined || after.expiredTs !== undefined || !before.key.equals(after.key)) return false;
  return (before.validUntilTs ?? 0) < (after.validUntilTs ?? 0);
}

/** When half of the time is over for which the keys in use are good; at once where there is none. */
export function halfLifeOf(keys: readonly Pick<HeldKey, 'validUntilTs'>[], fetchedAt: number): number {
  const until = Math.max(fetchedAt, ...keys.map(({ validUntilTs = 0 }) => validUntilTs));
  return fetchedAt + (until - fetchedAt) / 2;
}

/** What is kept of them. */
export function rowsOf(serverName: string, { document, keys }: PublishedKeys, fetchedAt: number): PublishedRows {
  return {
    serverName,
    document: canonicalJsonOfOldVersions(document),
    validUntilTs: Math.max(0, ...keys.map(({ validUntilTs = 0 }) => validUntilTs)),
    fetchedAt,
    keys: keys.map(({ keyId, publicKey, validUntilTs = null, expiredTs = null }) => {
      return { keyId, publicKey, validUntilTs, expiredTs };
    }),
  };
}
