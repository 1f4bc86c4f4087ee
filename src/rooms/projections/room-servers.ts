/** Owns the record of which servers have users in which room. */
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { ProjectedEvent, Projection } from '#rooms/persist/projection.ts';
import type { ViewParts } from '#rooms/persist/room-view.ts';
import { stateEntries } from '#rooms/projections/state-entries.ts';
import type { Tx } from '#storage/database.ts';
import { addToRoomServers, clearRoomServers, deleteVacatedServers } from '#storage/rooms/write-room-servers.ts';

export function roomServers(parts: Omit<ViewParts, 'database'>): Projection {
  return {
    name: 'room_servers',
    // Who only changes their name joins nothing.
    concerns: ({ event, isState, replaced }) => isState && difference(event, replaced) !== 0,
    apply: add,
    async rebuild(tx, view) {
      const entries = await stateEntries({ ...parts, database: tx }, view, new Set());
      await tx.query(clearRoomServers, [view.roomNid]);
      await add(
        tx,
        entries.filter((projected) => this.concerns(projected)),
      );
    },
  };
}

type Change = { readonly roomNid: number; readonly serverName: string; joined: number };

async function add(tx: Tx, events: readonly ProjectedEvent[]): Promise<void> {
  const changes = [...changesOf(events).values()].filter(({ joined }) => joined !== 0);
  const columns = (of: readonly Change[]): [number[], string[]] => [
    of.map(({ roomNid }) => roomNid),
    of.map(({ serverName }) => serverName),
  ];
  const left = changes.filter(({ joined }) => joined < 0);
  await Promise.all([
    changes.length > 0 && tx.query(addToRoomServers, [...columns(changes), changes.map(({ joined }) => joined)]),
    left.length > 0 && tx.query(deleteVacatedServers, columns(left)),
  ]);
}

/** By room and server by how many its users have become more. */
function changesOf(events: readonly ProjectedEvent[]): ReadonlyMap<string, Change> {
  const changes = new Map<string, Change>();
  for (const { event, replaced, view } of events) {
    const serverName = serverNameOf(event.state_key ?? '') ?? '';
    const key = `${view.roomNid} ${serverName}`;
    const change = changes.get(key) ?? { roomNid: view.roomNid, serverName, joined: 0 };
    change.joined += difference(event, replaced);
    changes.set(key, change);
  }
  return changes;
}

function difference(event: AuthEvent, replaced: AuthEvent | undefined): number {
  if (event.type !== 'm.room.member' || !isUserId(event.state_key ?? '')) return 0;
  return Number(isJoin(event)) - Number(replaced !== undefined && isJoin(replaced));
}

const isJoin = ({ content }: AuthEvent): boolean => content['membership'] === 'join';
