/** Owns which rooms a space says are in it, and in which order. */
import { contentJsonOf, strippedStateJson } from '#matrix/client-event.ts';
import { isRoomId } from '#matrix/ids.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonValue } from '#matrix/pdu.ts';
import { readableJson } from '#rooms/render-events.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';

export type SpaceChild = {
  readonly roomId: string;
  /** Servers that know the child, as the space says. */
  readonly via: readonly string[];
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
  const content: JsonValue = JSON.parse(contentJsonOf(readable));
  const via = viaOfChild(content);
  if (via === undefined) return undefined;
  return {
    roomId: stateKey,
    via,
    isSuggested: isJsonObject(content) && content['suggested'] === true,
    order: orderOfChild(content),
    originServerTs,
    json: `${strippedStateJson(readable).slice(0, -1)},"origin_server_ts":${originServerTs}}`,
  };
}

/** The servers to join the child by; undefined where they are not named, or not as the specification says. */
export function viaOfChild(content: JsonValue | undefined): readonly string[] | undefined {
  const via = isJsonObject(content) ? content['via'] : undefined;
  if (!Array.isArray(via) || via.length === 0) return undefined;
  const names = via.filter((name) => typeof name === 'string');
  return names.length === via.length ? names : undefined;
}

export function orderOfChild(content: JsonValue | undefined): string | undefined {
  const order = isJsonObject(content) ? content['order'] : undefined;
  return isOrder(order) ? order : undefined;
}

function isOrder(value: unknown): value is string {
  return typeof value === 'string' && value.length <= ORDER_LENGTH_MAX && /^[\x20-\x7E]+$/.test(value);
}

/** Those with an order first, by it; then by time, then by room id. All of it is ASCII or compared by code units. */
export function compareChildren(one: SpaceChild, other: SpaceChild): number {
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
