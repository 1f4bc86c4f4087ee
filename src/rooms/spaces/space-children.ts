/** Owns which rooms a space says are in it, and in which order. */
import { contentJsonOf, strippedStateJson } from '#matrix/client-event.ts';
import { isRoomId } from '#matrix/ids.ts';
import { readableJson } from '#rooms/render-events.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';

export type SpaceChild = {
  readonly roomId: string;
  readonly isSuggested: boolean;
  readonly order: string | undefined;
  readonly originServerTs: number;
  /** The event as the hierarchy shows it: stripped, with its time. */
  readonly json: string;
};

const ORDER_LENGTH_MAX = 50;

/** The children that `m.space.child` events make, in order. Specification: Client-Server API, `m.space.child`. */
export function spaceChildrenOf(events: readonly StoredEvent[], room: KnownRoom): SpaceChild[] {
  return events.flatMap((event) => readChild(event, room) ?? []).toSorted(compareChildren);
}

/** Undefined for a child that has been taken out: without servers to join by, it is none. */
function readChild(event: StoredEvent, { version }: KnownRoom): SpaceChild | undefined {
  const { stateKey, originServerTs } = event;
  if (stateKey === undefined || !isRoomId(stateKey)) return undefined;
  const readable = readableJson(event, version);
  const content: unknown = JSON.parse(contentJsonOf(readable));
  if (typeof content !== 'object' || content === null || !('via' in content)) return undefined;
  const via: unknown = content.via;
  if (!Array.isArray(via) || via.length === 0 || !via.every((name) => typeof name === 'string')) return undefined;
  const order = 'order' in content && isOrder(content.order) ? content.order : undefined;
  return {
    roomId: stateKey,
    isSuggested: 'suggested' in content && content.suggested === true,
    order,
    originServerTs,
    json: `${strippedStateJson(readable).slice(0, -1)},"origin_server_ts":${originServerTs}}`,
  };
}

function isOrder(value: unknown): value is string {
  return typeof value === 'string' && value.length <= ORDER_LENGTH_MAX && /^[\x20-\x7E]+$/.test(value);
}

/** Those with an order first, by it; then by time, then by room id. All of it is ASCII or compared by code units. */
function compareChildren(one: SpaceChild, other: SpaceChild): number {
  if ((one.order === undefined) !== (other.order === undefined)) return one.order === undefined ? 1 : -1;
  return (
    compare(one.order ?? '', other.order ?? '') ||
    one.originServerTs - other.originServerTs ||
    compare(one.roomId, other.roomId)
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
