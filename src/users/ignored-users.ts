/** Owns whom users ignore. Specification: Client-Server API, "Ignoring Users". */
import { BoundedMap } from '#core/bounded-map.ts';
import type { ReadTx } from '#storage/database.ts';
import { findIgnoredUserIds } from '#storage/users/find-ignored.ts';
import type { Streams } from '#streams/streams.ts';

const CACHED_USERS_MAX = 200_000;
const nobody: ReadonlySet<string> = new Set();

/** Whether an event is kept from whoever ignores its sender: state is told whoever sent it. */
export function isUnheard(
  { stateKey, sender }: { readonly stateKey?: string | undefined; readonly sender: string },
  ignored: ReadonlySet<string>,
): boolean {
  return stateKey === undefined && ignored.has(sender);
}

export type IgnoredUsers = {
  /** The user ids that a user ignores; from memory unless the user's account data changed. */
  find(userNid: number): Promise<ReadonlySet<string>>;
};

export function createIgnoredUsers(parts: {
  readonly database: ReadTx;
  readonly streams: Pick<Streams, 'userData'>;
}): IgnoredUsers {
  const { database, streams } = parts;
  const cache = new BoundedMap<number, { readonly pos: number; readonly ignored: ReadonlySet<string> }>({
    sizeMax: CACHED_USERS_MAX,
    sizeOf: ({ ignored }) => ignored.size + 1,
  });
  return {
    async find(userNid) {
      const { userData } = streams;
      const cached = cache.get(userNid);
      const isCurrent =
        cached !== undefined &&
        userData.reachesBackTo(cached.pos) &&
        !userData.hasSince('accountData', userNid, cached.pos);
      if (isCurrent) return cached.ignored;
      const pos = userData.horizon;
      const ids = await findIgnoredUserIds(database, userNid);
      const ignored = ids.length === 0 ? nobody : new Set(ids);
      cache.set(userNid, { pos, ignored });
      return ignored;
    },
  };
}
