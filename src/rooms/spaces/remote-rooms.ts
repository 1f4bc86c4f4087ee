/** Owns what other servers tell of rooms that are not here: their summaries, and the children of spaces. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { FederationClient } from '#federation/federation-client.ts';
import { isRemoteFailure } from '#federation/remote-errors.ts';
import { isRoomId, isServerName } from '#matrix/ids.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { compareChildren, orderOfChild, viaOfChild, type SpaceChild } from '#rooms/spaces/space-children.ts';
import { fetchJson } from '#users/remote/ask-servers.ts';

/** A room as a server that knows it tells of it: checked to have the shape, and nothing more. */
export type RemoteRoom = {
  readonly roomId: string;
  /** The summary, with the keys of the specification alone. */
  readonly summary: JsonObject;
  readonly children: readonly SpaceChild[];
  /** Summaries of children that the server told with it. */
  readonly known: ReadonlyMap<string, JsonObject>;
};

export type RemoteRooms = {
  /** Asks these servers one after the other until one tells; undefined if none does before `deadlineMs` (monotonic). */
  readonly find: (roomId: string, via: readonly string[], deadlineMs: number) => Promise<RemoteRoom | undefined>;
};

const SERVERS_MAX = 3;
const ANSWER_MS = 5_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** For so long an answer is good for everybody; what a user may know of it is judged for each. */
const KEPT_MS = 5 * 60_000;
const CACHED_CHARACTERS_MAX = 16 * 1024 * 1024;
const CHILDREN_MAX = 500;
const TEXT_LENGTH_MAX = 10_000;
const LIST_LENGTH_MAX = 100;

type Kept = { readonly room: RemoteRoom; readonly untilMs: number; readonly characters: number };

/** Specification: Server-Server API, "Spaces", `GET /hierarchy/{roomId}`. */
export function createRemoteRooms(parts: { readonly client: FederationClient; readonly clock: Clock }): RemoteRooms {
  const { client, clock } = parts;
  const kept = new BoundedMap<string, Kept>({ sizeMax: CACHED_CHARACTERS_MAX, sizeOf: ({ characters }) => characters });

  const ask = async (roomId: string, server: string, leftMs: number): Promise<RemoteRoom | undefined> => {
    const path = `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}?suggested_only=false`;
    const limits = { timeoutMs: Math.ceil(Math.min(leftMs, ANSWER_MS)), bytesMax: ANSWER_BYTES_MAX };
    try {
      const answer = await fetchJson(client, server, { method: 'GET', path, ...limits });
      return readRemoteRoom(answer, roomId);
    } catch (error) {
      if (isRemoteFailure(error)) return undefined;
      throw error;
    }
  };

  return {
    find: async (roomId, via, deadlineMs) => {
      const known = kept.get(roomId);
      if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.room;
      for (const server of [...new Set(via)].filter(isServerName).slice(0, SERVERS_MAX)) {
        const leftMs = deadlineMs - clock.monotonicMs();
        if (leftMs <= 0) return undefined;
        const room = await ask(roomId, server, leftMs);
        if (room === undefined) continue;
        const characters = JSON.stringify([room.summary, room.children, ...room.known.values()]).length;
        kept.set(roomId, { room, untilMs: clock.monotonicMs() + KEPT_MS, characters });
        return room;
      }
      return undefined;
    },
  };
}

function readRemoteRoom(answer: JsonObject, roomId: string): RemoteRoom | undefined {
  const summary = readSummary(answer['room']);
  if (summary?.['room_id'] !== roomId || !isJsonObject(answer['room'])) return undefined;
  const states = listOf(answer['room']['children_state']).slice(0, CHILDREN_MAX);
  const known = new Map<string, JsonObject>();
  for (const each of listOf(answer['children']).slice(0, CHILDREN_MAX)) {
    const child = readSummary(each);
    const childId = child?.['room_id'];
    if (child !== undefined && typeof childId === 'string') known.set(childId, child);
  }
  const children = states.flatMap((event) => readChild(event) ?? []).toSorted(compareChildren);
  return { roomId, summary, children, known };
}

const textKeys = [
  'name',
  'topic',
  'canonical_alias',
  'avatar_url',
  'room_type',
  'join_rule',
  'room_version',
  'encryption',
] as const;

/** Specification: Client-Server API, "Published room directory", `PublishedRoomsChunk`, and `RoomSummary`. */
export function readSummary(value: JsonValue | undefined): JsonObject | undefined {
  if (!isJsonObject(value)) return undefined;
  const { room_id: roomId, num_joined_members: count, allowed_room_ids: allowed } = value;
  if (typeof roomId !== 'string' || !isRoomId(roomId)) return undefined;
  const texts = textKeys.flatMap((key): [string, string][] => {
    const text = value[key];
    return typeof text === 'string' && text.length <= TEXT_LENGTH_MAX ? [[key, text]] : [];
  });
  const allowedIds = listOf(allowed).filter((id) => typeof id === 'string' && isRoomId(id));
  return {
    room_id: roomId,
    num_joined_members: typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : 0,
    world_readable: value['world_readable'] === true,
    guest_can_join: value['guest_can_join'] === true,
    ...Object.fromEntries(texts),
    ...(allowedIds.length > 0 && { allowed_room_ids: allowedIds.slice(0, LIST_LENGTH_MAX) }),
  };
}

/** A stripped `m.space.child` event, built anew out of what it must have. */
function readChild(event: JsonValue): SpaceChild | undefined {
  if (!isJsonObject(event) || event['type'] !== 'm.space.child') return undefined;
  const { state_key: roomId, sender, content, origin_server_ts: time } = event;
  const via = viaOfChild(content);
  if (typeof roomId !== 'string' || !isRoomId(roomId) || typeof sender !== 'string' || via === undefined) {
    return undefined;
  }
  const originServerTs = typeof time === 'number' && Number.isSafeInteger(time) ? time : 0;
  const told = { type: 'm.space.child', state_key: roomId, sender, content, origin_server_ts: originServerTs };
  return {
    roomId,
    via,
    isSuggested: isJsonObject(content) && content['suggested'] === true,
    order: orderOfChild(content),
    originServerTs,
    json: JSON.stringify(told),
  };
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
