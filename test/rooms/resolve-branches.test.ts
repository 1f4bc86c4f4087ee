/** Proves that branches in the database resolve as the text says, on the random rooms that the resolver itself is tried on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import type { BranchState } from '#rooms/branches/branch-state.ts';
import { resolveBranches } from '#rooms/branches/resolve-branches.ts';
import { findEventPlacesByNids } from '#storage/rooms/find-graph.ts';
import { persistOutlierRows } from '#storage/rooms/persist-outliers.ts';
import { statement } from '#storage/database.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import type { Parts } from '#test/rooms/room-checks.ts';
import { resolveByTheText } from '#test/vectors/state-resolution/oracle.ts';
import { randomRoom } from '#test/vectors/state-resolution/random-room.ts';
import { keyOf, type ResolvableEvent, type StateSet } from '#test/vectors/state-resolution/resolvable.ts';

const rejectByState = statement<unknown>(
  'test_reject_by_state',
  'update events set status = 4 where event_nid = any($1::bigint[])',
);

const insertRoom = statement<unknown>(
  'test_insert_room',
  `insert into rooms (room_nid, room_id, version, created_at) values ($1::bigint, '!room' || $1::bigint, $2, 0)`,
);

type NamedRoom = { readonly events: ReadonlyMap<string, ResolvableEvent>; readonly sets: readonly StateSet[] };

/** The room of the seed with ids that no other room of the database has, in the same order as before. */
function namedRoom(versionId: string, seed: number): NamedRoom {
  const version = findRoomVersion(versionId);
  assert.ok(version);
  const { events, sets } = randomRoom(version, seed);
  const suffix = version.eventId === 'in-pdu' ? ':s0.test' : '';
  const rename = (id: string): string => `$${versionId}-${seed}-${id.slice(1)}${suffix}`;
  const renamed = [...events.values()].map((event) => ({
    ...event,
    eventId: rename(event.eventId),
    authEventIds: event.authEventIds.map(rename),
  }));
  return {
    events: new Map(renamed.map((event) => [event.eventId, event])),
    sets: sets.map((set) => new Map([...set].map(([key, id]) => [key, rename(id)]))),
  };
}

/** What state resolution reads of a stored event. What cites nothing but the create event follows it, as the oracle has it. */
function textOf(event: ResolvableEvent, version: RoomVersion, createId: string): string {
  const { type, sender, content, depth } = event;
  const isCreate = type === 'm.room.create';
  const reference = (id: string): unknown => (version.eventId === 'in-pdu' ? [id, { sha256: '' }] : id);
  const cited = event.authEventIds.filter((id) => id !== createId);
  const prevIds = isCreate ? [] : [cited.length === 0 ? createId : '$elsewhere'];
  const roomId = version.roomIdIsCreateHash ? `!${'x'.repeat(43)}` : '!room:s0.test';
  return JSON.stringify({
    type,
    sender,
    state_key: event.stateKey,
    content,
    depth,
    origin_server_ts: event.originServerTs,
    auth_events: event.authEventIds.map(reference),
    prev_events: prevIds.map(reference),
    hashes: { sha256: '' },
    signatures: {},
    ...(isCreate && version.roomIdIsCreateHash ? {} : { room_id: roomId }),
    ...(version.eventId === 'in-pdu' ? { event_id: event.eventId } : {}),
  });
}

async function store(
  parts: Parts,
  room: NamedRoom,
  roomNid: number,
  version: RoomVersion,
): Promise<Map<string, number>> {
  const events = [...room.events.values()];
  const createId = events.find(({ type }) => type === 'm.room.create')?.eventId ?? '';
  const { nids, interned } = parts;
  const own = await nids.reserve(events.length, () => events.map((event) => [event.eventId, nids.take()] as const));
  const nidOf = new Map(own);
  await interned.internKeys(events.map((event) => [event.type, event.stateKey]));
  const rows = events.map((event) => ({
    eventNid: nidOf.get(event.eventId) ?? 0,
    eventId: event.eventId,
    status: 'outlier' as const,
    json: textOf(event, version, createId),
    type: event.type,
    keyNid: interned.knownKey(event.type, event.stateKey) ?? null,
    senderNid: 1,
    originServerTs: event.originServerTs,
    depth: event.depth,
    authGen: event.authGen,
    authNids: event.authEventIds.map((id) => nidOf.get(id) ?? 0),
  }));
  await parts.database.transaction((tx) => persistOutlierRows(tx, roomNid, rows));
  const rejected = events.filter((event) => event.rejected).map((event) => nidOf.get(event.eventId));
  await parts.database.query(rejectByState, [rejected]);
  return nidOf;
}

for (const versionId of ['1', '2', '11', '12']) {
  test(`version ${versionId}: branches over tries and tables resolve as the text says`, async () => {
    await using on = await createMigratedDatabase();
    await using parts = await createRoomParts(on);
    const version = findRoomVersion(versionId);
    assert.ok(version);
    for (let seed = 0; seed < 250; seed++) {
      const roomNid = 10_000 + seed;
      const room = namedRoom(versionId, seed);
      await parts.database.query(insertRoom, [roomNid, versionId]);
      const nidOf = await store(parts, room, roomNid, version);
      const branches: BranchState[] = [];
      for (const set of room.sets) {
        const entries = new Map<number, number>();
        for (const id of set.values()) {
          const event = room.events.get(id);
          const keyNid = event && parts.interned.knownKey(event.type, event.stateKey);
          if (keyNid !== undefined) entries.set(keyNid, nidOf.get(id) ?? 0);
        }
        const { root } = await parts.tries.update(parts.database, roomNid, 0, entries);
        branches.push({ root, entry: undefined, isPartial: false });
      }
      const { root } = await resolveBranches(parts, { roomNid, version, branches });
      const found = await parts.tries.entries(parts.database, roomNid, root);
      const places = await findEventPlacesByNids(
        parts.database,
        found.map(([, eventNid]) => eventNid),
      );
      const ids = places.map(({ eventId }) => eventId).toSorted();
      const expected = [...resolveByTheText(version, room.sets, room.events).values()].toSorted();
      assert.deepEqual(ids, expected, `seed ${seed}`);
      for (const { eventId } of places) assert.ok(keyOf(room.events.get(eventId) ?? assert.fail()));
    }
  });
}
