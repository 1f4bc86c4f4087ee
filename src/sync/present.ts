/** Owns the text of a sync's answer. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { clientEventJson, unsignedJson } from '#matrix/client-event.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { membershipOfPlan } from '#sync/membership-of-plan.ts';
import { heroesFor } from '#rooms/heroes.ts';
import { formatPageToken } from '#rooms/page-token.ts';
import {
  readableJson,
  readableJsonFor,
  renderEvent,
  replacedEvent,
  replacedParts,
  type ReplacedEvent,
} from '#rooms/render-events.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import type { RoomSummary } from '#storage/streams/find-sync-state.ts';
import type { EventFact } from '#streams/event-fact.ts';
import type { ErasedPosOf } from '#users/erased-users.ts';
import type { DeviceLists } from '#sync/device-lists.ts';
import { hasUrl, shapedJson } from '#sync/event-shape.ts';
import { joinedJson } from '#sync/join-json.ts';
import type { RoomExtras } from '#sync/room-extras.ts';
import type { EventShape } from '#sync/sync-filter.ts';
import type { ToDevice } from '#sync/to-device.ts';
import type { Timeline, TimelineItem } from '#sync/timelines.ts';

export type RoomView = {
  readonly timeline: Timeline;
  readonly stateNids: readonly number[];
  readonly version: RoomVersion;
  readonly summary: RoomSummary | undefined;
};

export type Presentation = {
  readonly userId: string;
  readonly deviceNid: number;
  readonly now: number;
  readonly erasedPosOf: ErasedPosOf;
  readonly stateName: string;
  /** Where a timeline without events starts, which nobody can page back from otherwise. */
  readonly endToken: string;
  readonly shape: EventShape | undefined;
  /** Whether state must have a `url` in its content, or must have none. */
  readonly stateContainsUrl: boolean | undefined;
  /** Every event that is not told by a fact, and those that others replaced. */
  readonly stored: ReadonlyMap<number, StoredEvent>;
  /** By event id: the aggregations of events of limited timelines. */
  readonly relations: ReadonlyMap<string, string>;
};

/** One room of the sections `join` and `leave`. */
export function roomJson(view: RoomView, to: Presentation, extras: RoomExtras): string {
  const { timeline, stateNids, version, summary } = view;
  const options = { roomId: undefined, deviceNid: to.deviceNid, now: to.now, version };
  const state: string[] = [];
  for (const nid of stateNids) {
    const stored = to.stored.get(nid);
    if (stored === undefined) continue;
    const json = readableJson(stored, version);
    if (to.stateContainsUrl !== undefined && to.stateContainsUrl !== hasUrl(json)) continue;
    state.push(shapedJson(to.shape, renderEvent(stored, options), () => json));
  }
  let text = '{';
  if (summary !== undefined) text += `"summary":${summaryJson(summary, to.userId)},`;
  text += `"${to.stateName}":{"events":[${state.join(',')}]},`;
  const events = timeline.items.map((item) => itemJson(item, view, to)).filter((each) => each !== undefined);
  const { plan, limited } = timeline;
  const end = `"limited":${limited}${prevBatchJson(timeline, to.endToken)}}${extras.jsonOf(plan.roomNid, plan.section)}}`;
  return `${text}"timeline":{"events":[${events.join(',')}],${end}`;
}

/** A joined room without new events. */
export function quietRoomJson(roomNid: number, stateName: string, extras: RoomExtras): string {
  return `{"${stateName}":{"events":[]},"timeline":{"events":[],"limited":false}${extras.jsonOf(roomNid, 'join')}}`;
}

/** Where the page before the timeline starts. */
function prevBatchJson({ plan, limited, startOrder }: Timeline, endToken: string): string {
  if (startOrder !== undefined)
    return `,"prev_batch":"${formatPageToken({ roomNid: plan.roomNid, order: startOrder })}"`;
  return limited ? `,"prev_batch":"${endToken}"` : '';
}

function itemJson(item: TimelineItem, { timeline, version }: RoomView, to: Presentation): string | undefined {
  const replaced = replacedOf(item, version, to);
  const stored = to.stored.get(item.eventNid);
  if (item.fact !== undefined) {
    const json = factJson(item.fact, item.membership, replaced, to);
    return shapedJson(to.shape, json, () => (stored === undefined ? json : readableJson(stored, version)));
  }
  if (stored === undefined) return undefined;
  const common = { roomId: undefined, deviceNid: to.deviceNid, now: to.now, version, relations: to.relations };
  const options = { ...common, membershipOf: membershipOfPlan(timeline.plan), erasedPosOf: to.erasedPosOf };
  const json = renderEvent(
    stored,
    replaced === undefined ? options : { ...options, replaced: new Map([[item.eventNid, replaced]]) },
  );
  return shapedJson(to.shape, json, () => readableJsonFor(stored, options));
}

function factJson(fact: EventFact, membership: string, replaced: ReplacedEvent | undefined, to: Presentation): string {
  const relations = to.relations.get(fact.eventId);
  const unsigned = unsignedJson({
    ageMs: Math.max(0, to.now - fact.originServerTs),
    membership,
    ...(fact.txnId !== undefined && fact.txnDeviceNid === to.deviceNid && { transactionId: fact.txnId }),
    ...(replaced && replacedParts(replaced)),
    ...(relations !== undefined && { relationsJson: relations }),
  });
  return clientEventJson(fact.stem, undefined, unsigned);
}

function replacedOf(item: TimelineItem, version: RoomVersion, to: Presentation): ReplacedEvent | undefined {
  const stored = item.replacesNid === undefined ? undefined : to.stored.get(item.replacesNid);
  return stored && replacedEvent(stored, version);
}

function summaryJson(summary: RoomSummary, userId: string): string {
  return JSON.stringify({
    'm.heroes': heroesFor(userId, summary),
    'm.joined_member_count': summary.joinedCount,
    'm.invited_member_count': summary.invitedCount,
  });
}

/** By room id the JSON text of each room, per section. */
export type RoomSections = { readonly [section in 'join' | 'invite' | 'leave' | 'knock']: ReadonlyMap<string, string> };

/** What is new. */
export type Sections = {
  readonly rooms?: RoomSections;
  /** JSON texts of events. */
  readonly accountData?: readonly string[];
  readonly presence?: readonly string[];
  readonly toDevice?: ToDevice;
  readonly deviceLists?: DeviceLists | undefined;
};

/** The whole answer; `keyCounts` are members of its JSON object. Sections without anything are left out. */
export function answerJson(nextBatch: string, keyCounts: string, sections: Sections): string {
  const rooms: string[] = [];
  for (const [section, byRoom] of Object.entries(sections.rooms ?? {})) {
    if (byRoom.size === 0) continue;
    const members = Array.from(byRoom, ([roomId, json]) => `${canonicalString(roomId)}:${json}`);
    rooms.push(`"${section}":{${members.join(',')}}`);
  }
  const roomsPart = rooms.length === 0 ? '' : `"rooms":{${rooms.join(',')}},`;
  const { accountData, presence, toDevice, deviceLists } = sections;
  const lists =
    listPart('account_data', accountData) + listPart('presence', presence) + listPart('to_device', toDevice?.events);
  const devices = deviceLists === undefined ? '' : `"device_lists":${JSON.stringify(deviceLists)},`;
  return `{"next_batch":"${nextBatch}",${roomsPart}${lists}${devices}${keyCounts}}`;
}

function listPart(name: string, events: readonly string[] = []): string {
  return events.length === 0 ? '' : `"${name}":${joinedJson(events)},`;
}
