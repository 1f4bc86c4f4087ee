/** Owns the account data of a sync. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { pushRulesContent, readPushRules } from '#notifications/push-rules/merge-push-rules.ts';
import { findAccountData, findAccountDataOfRooms, type StoredAccountData } from '#storage/users/find-account-data.ts';
import type { RoomExtras } from '#sync/room-extras.ts';
import type { RoomPlan } from '#sync/skeleton.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';

/** The account's own changed account data; that of rooms is added to theirs. Rooms that are new to the client get all. */
export async function collectAccountData(
  { database, streams }: SyncParts,
  window: SyncWindow,
  plans: readonly RoomPlan[],
  extras: RoomExtras,
): Promise<string[]> {
  const { userNid, userId, filter, since } = window;
  const [, upTo] = window.horizons;
  const after = since?.[1] ?? 0;
  const { userData } = streams;
  const isQuiet =
    since !== undefined && userData.reachesBackTo(after) && !userData.hasSince('accountData', userNid, after);
  const changed = isQuiet ? [] : await findAccountData(database, userNid, after, upTo);
  const full = since === undefined ? [] : plans.filter((plan) => plan.full).map((plan) => plan.roomNid);
  const ofFull = await findAccountDataOfRooms(database, userNid, full, upTo);

  const planOf = new Map(plans.map((plan) => [plan.roomNid, plan]));
  const isFull = new Set(full);
  const ofRooms = [...changed.filter(({ roomNid }) => roomNid !== 0 && !isFull.has(roomNid)), ...ofFull];
  for (const row of ofRooms) {
    const plan = planOf.get(row.roomNid);
    const isWanted =
      plan !== undefined &&
      filter.roomAccountData.hasRoom(plan.roomId) &&
      filter.roomAccountData.matches(row.type, userId);
    if (isWanted) extras.addAccountData(row.roomNid, eventJson(row));
  }
  const own = new Map(changed.filter(({ roomNid }) => roomNid === 0).map(({ type, content }) => [type, content]));
  // Those who have changed none have rules all the same, and what is stored of the server's may be out of date.
  const rules = own.get('m.push_rules');
  if (since === undefined || rules !== undefined) {
    own.set('m.push_rules', pushRulesContent(readPushRules(userId, rules)));
  }
  return Array.from(own, ([type, content]) => ({ type, content }))
    .filter(({ type }) => filter.accountData.matches(type, userId))
    .map(eventJson);
}

function eventJson({ type, content }: Pick<StoredAccountData, 'type' | 'content'>): string {
  return `{"type":${canonicalString(type)},"content":${content}}`;
}
