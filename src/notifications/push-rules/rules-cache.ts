/** Owns the push rules of users in memory, as of what their account data says now. */
import { isDeepStrictEqual } from 'node:util';
import { BoundedMap } from '#core/bounded-map.ts';
import type { PushRuleset } from '#matrix/push-rules/push-rule.ts';
import { buildDefaultPushRules } from '#notifications/push-rules/default-push-rules.ts';
import { findPushRules, type RulesOwner } from '#notifications/push-rules/push-rules.ts';
import type { ReadTx } from '#storage/database.ts';
import type { Streams } from '#streams/streams.ts';

const CACHED_USERS_MAX = 20_000;

export type PushRulesOf = {
  /** Undefined for a user whose rules are everybody's; from memory unless the user's account data changed. */
  find(owner: RulesOwner): Promise<PushRuleset | undefined>;
};

export function createPushRulesOf(parts: {
  readonly database: ReadTx;
  readonly streams: Pick<Streams, 'userData'>;
}): PushRulesOf {
  const { database, streams } = parts;
  const cache = new BoundedMap<number, { readonly pos: number; readonly rules: PushRuleset | undefined }>({
    sizeMax: CACHED_USERS_MAX,
  });
  return {
    async find(owner) {
      const { userData } = streams;
      const cached = cache.get(owner.userNid);
      const isCurrent =
        cached !== undefined &&
        userData.reachesBackTo(cached.pos) &&
        !userData.hasSince('accountData', owner.userNid, cached.pos);
      if (isCurrent) return cached.rules;
      const pos = userData.horizon;
      const rules = await findPushRules(database, owner);
      const own = isDeepStrictEqual(rules, buildDefaultPushRules(owner.userId)) ? undefined : rules;
      cache.set(owner.userNid, { pos, rules: own });
      return own;
    },
  };
}
