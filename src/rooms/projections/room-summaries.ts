/** Owns the projection of room state onto `room_summary`. */
import type { AuthEvent, JsonObject } from '#matrix/pdu.ts';
import { allowedRoomsOf } from '#matrix/join-rules.ts';
import type { ProjectedEvent, Projection } from '#rooms/persist/projection.ts';
import type { Interned } from '#storage/interned.ts';
import type { ViewParts } from '#rooms/persist/room-view.ts';
import { emptiedColumns } from '#rooms/projections/redacted-summaries.ts';
import { stateEntries } from '#rooms/projections/state-entries.ts';
import { deleteSummary } from '#storage/rooms/rebuild-projections.ts';
import { applySummaries, patchHeroes, patchSummaries } from '#storage/rooms/write-projections.ts';

/** The column and the key of the content that fills it, by event type; all with the empty state key. */
const sources: ReadonlyMap<string, readonly [column: string, key: string]> = new Map([
  ['m.room.create', ['room_type', 'type']],
  ['m.room.name', ['name', 'name']],
  ['m.room.avatar', ['avatar_url', 'url']],
  ['m.room.topic', ['topic', 'topic']],
  ['m.room.canonical_alias', ['canonical_alias', 'alias']],
  ['m.room.encryption', ['encryption', 'algorithm']],
  ['m.room.tombstone', ['tombstone', 'replacement_room']],
  ['m.room.join_rules', ['join_rule', 'join_rule']],
  ['m.room.history_visibility', ['history_visibility', 'history_visibility']],
  ['m.room.guest_access', ['guest_access', 'guest_access']],
]);

type Patch = {
  readonly columns: Record<string, string | null>;
  joined: number;
  invited: number;
  /** Whether each user whose membership changed is a member now. */
  readonly members: Map<number, boolean>;
};

export function roomSummaries(parts: Omit<ViewParts, 'database'>): Projection {
  const { interned } = parts;
  return {
    name: 'room_summary',
    concerns: ({ event, isState }) => isState && (event.type === 'm.room.member' || sources.has(event.type)),
    async apply(tx, events) {
      const patches = new Map<number, Patch>();
      for (const projected of events) addTo(patches, projected, interned);
      const isNew = new Set(
        events.filter(({ event }) => event.type === 'm.room.create').map(({ event }) => event.room_id),
      );
      const nids = [...patches.keys()];
      const columns = Array.from(patches.values(), (patch) => JSON.stringify(patch.columns));
      const joined = Array.from(patches.values(), (patch) => patch.joined);
      const invited = Array.from(patches.values(), (patch) => patch.invited);
      const isOld = events.some(({ event }) => event.type !== 'm.room.member' && !isNew.has(event.room_id));
      const hasMembers = [...patches.values()].some(({ members }) => members.size > 0);
      // One after the other in the database, without waiting here: first the columns of rooms that are there, then
      // counts and all of rooms that are new, then who they are named after.
      await Promise.all([
        isOld && tx.query(patchSummaries, [nids, columns]),
        tx.query(applySummaries, [nids, columns, joined, invited]),
        hasMembers && tx.query(patchHeroes, [nids, ...heroColumns(patches)]),
      ]);
    },
    async rebuild(tx, view) {
      const events = await stateEntries({ ...parts, database: tx }, view, emptiedColumns);
      await interned.internUsers(
        events.flatMap(({ event }) => (event.type === 'm.room.member' ? [event.state_key ?? ''] : [])),
      );
      await tx.query(deleteSummary, [view.roomNid]);
      await this.apply(
        tx,
        events.filter((projected) => this.concerns(projected)),
      );
    },
  };
}

function heroColumns(patches: ReadonlyMap<number, Patch>): [string[], string[]] {
  const listed = (isMember: boolean): string[] =>
    Array.from(patches.values(), ({ members }) =>
      Array.from(members)
        .filter(([, is]) => is === isMember)
        .map(([nid]) => nid)
        .join(','),
    );
  return [listed(true), listed(false)];
}

function addTo(patches: Map<number, Patch>, { event, replaced, view }: ProjectedEvent, interned: Interned): void {
  let patch = patches.get(view.roomNid);
  if (patch === undefined)
    patches.set(view.roomNid, (patch = { columns: {}, joined: 0, invited: 0, members: new Map() }));
  if (event.type === 'm.room.member') {
    patch.joined += difference(event, replaced, 'join');
    patch.invited += difference(event, replaced, 'invite');
    const userNid = interned.knownUser(event.state_key ?? '');
    const membership = event.content['membership'];
    if (userNid !== undefined) patch.members.set(userNid, membership === 'join' || membership === 'invite');
    return;
  }
  if (event.state_key !== '') return;
  if (event.type === 'm.room.join_rules') patch.columns['allowed_room_ids'] = allowedRooms(event.content);
  const source = sources.get(event.type);
  if (source !== undefined) patch.columns[source[0]] = columnText(event.content, source[1]);
}

/** The rooms whose members may join, as a JSON array; null if there are none. */
function allowedRooms({ allow }: JsonObject): string | null {
  const roomIds = allowedRoomsOf(allow).filter((roomId) => !roomId.includes('\0'));
  return roomIds.length === 0 ? null : JSON.stringify(roomIds);
}

function difference(event: AuthEvent, replaced: AuthEvent | undefined, membership: string): number {
  return Number(event.content['membership'] === membership) - Number(replaced?.content['membership'] === membership);
}

/** Text columns cannot hold U+0000; the event itself keeps it. */
function columnText(content: JsonObject, key: string): string | null {
  const value = content[key];
  return typeof value === 'string' && value !== '' ? value.replaceAll('\0', '\u{FFFD}') : null;
}
