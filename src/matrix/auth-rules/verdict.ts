/** Owns the answer of the auth rules. */
import { ruleNumber, type RuleName } from '#matrix/auth-rules/rule-numbers.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

export type Denial = {
  readonly allowed: false;
  /** The number as on the page of that room version, for example `5.2.3`. */
  readonly rule: string;
  /** A sentence for the user. */
  readonly reason: string;
  /** No state of the room could allow it: the event itself is wrong. */
  readonly isMalformed: boolean;
};

const malformed: ReadonlySet<RuleName> = new Set<RuleName>([
  'create.prevEvents',
  'create.roomId',
  'create.roomVersion',
  'create.creator',
  'create.additionalCreators',
  'member.shape',
  'powerLevels.named',
  'powerLevels.maps',
  'powerLevels.users',
  'powerLevels.creators',
]);

export type Verdict = { readonly allowed: true } | Denial;

/** The one positive verdict, shared so that the common case allocates nothing. */
export const allowed: Verdict = Object.freeze({ allowed: true });

export function deny(version: RoomVersion, rule: RuleName, reason: string): Denial {
  return { allowed: false, rule: ruleNumber(version, rule), reason, isMalformed: malformed.has(rule) };
}
