/** Owns the two orders of state resolution 2 and 2.1: reverse topological power ordering and mainline ordering. */
import { userPowerLevel } from '#matrix/power-levels.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { citedPowerLevels } from '#test/vectors/state-resolution/definitions.ts';
import {
  asAuthEvent,
  authEventsOf,
  createKey,
  keyOf,
  type Events,
  type ResolvableEvent,
} from '#test/vectors/state-resolution/resolvable.ts';

export type Room = {
  readonly version: RoomVersion;
  readonly events: Events;
  /** The create event that the room id names, which no event of version 12 cites. */
  readonly create: ResolvableEvent | undefined;
};

type Compare = (x: ResolvableEvent, y: ResolvableEvent) => number;

const byTimeAndId: Compare = (x, y) => {
  if (x.originServerTs !== y.originServerTs) return x.originServerTs - y.originServerTs;
  if (x.eventId === y.eventId) return 0;
  return x.eventId < y.eventId ? -1 : 1;
};

/** The level of the sender "when looking at their respective auth_events". */
function senderLevel(event: ResolvableEvent, room: Room): number {
  const cited = authEventsOf(event, room.events).find((cited) => keyOf(cited) === createKey);
  const create = room.version.roomIdIsCreateHash ? room.create : cited;
  const levels = citedPowerLevels(event, room.events)?.content;
  const seen = create === undefined ? { sender: '', content: {} } : asAuthEvent(create, room.version);
  return userPowerLevel({ version: room.version, create: seen, levels }, event.sender);
}

/** Kahn's algorithm over the auth edges between the given events, taking the smallest vertex at each step. */
export function reverseTopologicalPowerOrdering(ids: ReadonlySet<string>, room: Room): ResolvableEvent[] {
  const compare: Compare = (x, y) => {
    const [levelOfX, levelOfY] = [senderLevel(x, room), senderLevel(y, room)];
    if (levelOfX !== levelOfY) return levelOfX > levelOfY ? -1 : 1;
    return byTimeAndId(x, y);
  };
  const waiting = new Set(ids);
  const ordered: ResolvableEvent[] = [];
  while (waiting.size > 0) {
    const candidates = [...waiting]
      .flatMap((id) => room.events.get(id) ?? [])
      .filter((event) => event.authEventIds.every((cited) => !waiting.has(cited)));
    const [smallest] = candidates.toSorted(compare);
    if (smallest === undefined) throw new Error('The auth events go round in a circle.');
    waiting.delete(smallest.eventId);
    ordered.push(smallest);
  }
  return ordered;
}

/** e₁, e₂, …: the power levels event that an event cites, the one that this one cites, and so on. */
function powerLevelsBehind(event: ResolvableEvent, room: Room): string[] {
  const list: string[] = [];
  let next = citedPowerLevels(event, room.events);
  while (next !== undefined) {
    if (list.includes(next.eventId)) throw new Error('The power levels go round in a circle.');
    list.push(next.eventId);
    next = citedPowerLevels(next, room.events);
  }
  return list;
}

/** The ordering based on the given power levels event; without one every position is infinite. */
export function mainlineOrdering(
  ids: ReadonlySet<string>,
  powerLevels: ResolvableEvent | undefined,
  room: Room,
): ResolvableEvent[] {
  const mainline = powerLevels === undefined ? [] : [powerLevels.eventId, ...powerLevelsBehind(powerLevels, room)];
  const position = (event: ResolvableEvent): number => {
    const found = powerLevelsBehind(event, room).find((id) => mainline.includes(id));
    return found === undefined ? Infinity : mainline.indexOf(found);
  };
  return [...ids]
    .flatMap((id) => room.events.get(id) ?? [])
    .toSorted((x, y) => {
      const [positionOfX, positionOfY] = [position(x), position(y)];
      if (positionOfX !== positionOfY) return positionOfX > positionOfY ? -1 : 1;
      return byTimeAndId(x, y);
    });
}
