/** Owns what the reader of a sync was to a room at an event. */
import { alwaysJoined, membershipBy, type MembershipOf } from '#rooms/event-membership.ts';
import type { RoomPlan } from '#sync/skeleton.ts';

/** A plan without memberships is of a room in which the reader has been joined all the time. */
export function membershipOfPlan({ memberships }: Pick<RoomPlan, 'memberships'>): MembershipOf {
  return memberships === undefined ? alwaysJoined : membershipBy(memberships);
}
