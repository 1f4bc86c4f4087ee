/** Owns making facts of what the table has, as those who wrote the events would have told them. */
import { clientEventStem } from '#matrix/client-event.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { sliceMembers } from '#matrix/json-slices.ts';
import { roomVersions } from '#matrix/room-versions.ts';
import type { ReadTx } from '#storage/database.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findForkMembers, findForks } from '#storage/streams/find-forks.ts';
import {
  findHighlights,
  findStreamEvents,
  type Mention,
  type StreamEventRow,
} from '#storage/streams/find-stream-events.ts';
import type { EventFact, Fork } from '#streams/event-fact.ts';

/** As many of an event are heeded when it is written. */
const MENTIONS_MAX = 500;

/** The facts after a position, ascending, as many as `limit`. */
export async function readFacts(
  db: ReadTx,
  tries: Pick<StateTries, 'find'>,
  after: number,
  limit: number,
): Promise<EventFact[]> {
  const rows = await findStreamEvents(db, after, limit);
  const highlights = Map.groupBy(await findHighlights(db, rows.flatMap(mentionsOf)), ({ pos }) => pos);
  return Promise.all(
    rows.map(async (row) => {
      const isState = row.key_nid !== null && row.state_before !== 0;
      const replaced = isState ? await tries.find(db, row.room_nid, row.state_before, row.key_nid) : undefined;
      const users = (highlights.get(row.pos) ?? []).map(({ userId }) => userId);
      const highlighted = row.highlights_everybody ? [''] : users;
      const fact = factOf(row, { replacesNid: replaced, highlighted });
      const fork = row.is_fork ? await readFork(db, row) : undefined;
      return fork === undefined ? fact : { ...fact, fork };
    }),
  );
}

async function readFork(db: ReadTx, { room_nid: roomNid, pos }: StreamEventRow): Promise<Fork | undefined> {
  const [row] = await findForks(db, [{ roomNid, after: pos - 1, upTo: pos }]);
  if (row === undefined) return undefined;
  const members = await findForkMembers(db, roomNid, pos);
  return { rootBefore: row.root_before, rootAfter: row.root_after, hasGapBefore: row.has_gap, members };
}

/** Whom the event may highlight. Specification: Client-Server API, "User and room mentions". */
function mentionsOf({ pos, json }: StreamEventRow): readonly Mention[] {
  if (!json.includes('"m.mentions"')) return [];
  const { content }: JsonObject = JSON.parse(json);
  const mentions = isJsonObject(content) ? content['m.mentions'] : undefined;
  const userIds = isJsonObject(mentions) ? mentions['user_ids'] : undefined;
  const named = new Set(Array.isArray(userIds) ? userIds.filter(isName) : []);
  return Array.from(named, (userId) => ({ pos, userId })).slice(0, MENTIONS_MAX);
}

const isName = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');

type Joined = Pick<EventFact, 'replacesNid'> & { readonly highlighted: readonly string[] };

function factOf(row: StreamEventRow, { replacesNid, highlighted }: Joined): EventFact {
  const version = roomVersions.get(row.version);
  if (version === undefined) throw new Error(`unknown version of room ${row.room_id}`);
  const stem = clientEventStem(row.json, row.event_id, version);
  return {
    pos: row.pos,
    eventNid: row.event_nid,
    roomNid: row.room_nid,
    roomId: row.room_id,
    eventId: row.event_id,
    type: row.type,
    stateKey: row.state_key ?? undefined,
    sender: row.sender,
    originServerTs: row.origin_server_ts,
    roomOrder: row.room_order,
    stateBefore: row.state_before,
    stem,
    membership:
      row.type === 'm.room.member' ? textOf(sliceMembers(stem + '}').get('content'), 'membership') : undefined,
    // Of one that was redacted before it was told only the table knows what it does.
    ...(row.redacted ? { isRedacted: true } : { notification: { step: row.notify_step, highlighted } }),
    threadRootId: row.thread_root_id ?? undefined,
    redacts: row.type === 'm.room.redaction' ? textOf(stem + '}', 'redacts') : undefined,
    replacesNid,
    txnDeviceNid: row.txn_device_nid ?? undefined,
    txnId: row.txn_id ?? undefined,
  };
}

/** A member of a JSON object if it is a string. */
function textOf(objectJson: string | undefined, key: string): string | undefined {
  const text = objectJson === undefined ? undefined : sliceMembers(objectJson).get(key);
  return text?.startsWith('"') === true ? String(JSON.parse(text)) : undefined;
}
