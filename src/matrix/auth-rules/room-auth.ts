/** Owns what every rule group is given about the room, and the readings of state that several groups share. */
import type { AuthState } from '#matrix/auth-rules/auth-event.ts';
import type { AuthEvent, JsonObject } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import type { RoomPower } from '#matrix/power-levels.ts';

export type RoomAuth = RoomPower & {
  readonly create: AuthEvent;
  readonly state: AuthState;
};

/**
 * Verifies one ed25519 signature over the canonical JSON of `signed` without `signatures` and `unsigned`. Signature and
 * key are base64 as found in events, unpadded or not, in either alphabet; what cannot be decoded verifies as false.
 */
export type VerifySignature = (signed: JsonObject, signature: string, publicKey: string) => boolean;

export type AuthOptions = {
  /** Used for invites with `third_party_invite` only. */
  readonly verify: VerifySignature;
};

/** The user's "membership state", undefined if there is none or it is not a string. */
export function membershipOf(state: AuthState, userId: string): string | undefined {
  const member = state('m.room.member', userId);
  const membership = member === undefined ? undefined : ownValue(member.content, 'membership');
  return typeof membership === 'string' ? membership : undefined;
}

/**
 * The room's join rule; undefined if it is not a string, which lets nobody in. The specification names no default;
 * deployed servers agree on `invite`, both for an absent event and for an absent property.
 */
export function joinRuleOf(state: AuthState): string | undefined {
  const event = state('m.room.join_rules', '');
  const joinRule = event === undefined ? undefined : ownValue(event.content, 'join_rule');
  if (joinRule === undefined) return 'invite';
  return typeof joinRule === 'string' ? joinRule : undefined;
}

/** A level as it may stand in a sentence. */
export function describeLevel(level: number): string {
  return level === Infinity ? 'infinite' : String(level);
}
