/** Owns the power events: which they are, what they depend on, and in which order they are judged. */
import { Heap } from '#core/heap.ts';
import { compareCodePoints } from '#matrix/canonical-json.ts';
import { userPowerLevel } from '#matrix/power-levels.ts';
import type { EventPool } from '#matrix/state-resolution/event-pool.ts';
import { lowestGeneration, walkAuthChains } from '#matrix/state-resolution/generation-queue.ts';
import type { Asking } from '#matrix/state-resolution/question.ts';
import { isNamed, membershipIn, type ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';

/** Whether the event might take away somebody's ability to do something. Specification: Room Version 2, "Power events". */
export function isPowerEvent(event: ResolvableEvent): boolean {
  if (event.type === 'm.room.power_levels' || event.type === 'm.room.join_rules') return true;
  if (event.type !== 'm.room.member' || event.sender === event.stateKey) return false;
  const membership = membershipIn(event);
  return membership === 'leave' || membership === 'ban';
}

/** The power events of the full conflicted set, with those of their auth chains that are in the set too. */
export function* selectPowerEvents(
  pool: EventPool,
  full: ReadonlyMap<string, ResolvableEvent>,
): Asking<ResolvableEvent[]> {
  const powerEvents = [...full.values()].filter(isPowerEvent);
  const walked = yield* walkAuthChains(pool, powerEvents, lowestGeneration(full.values()));
  return walked.filter(({ eventId }) => full.has(eventId));
}

type Ranked = { readonly event: ResolvableEvent; readonly level: number };

/**
 * Specification: Room Version 2, "Reverse topological power ordering". `create` stands in where an event does not cite
 * the create event itself.
 */
export function* sortByPower(
  pool: EventPool,
  events: readonly ResolvableEvent[],
  create: ResolvableEvent | undefined,
): Asking<ResolvableEvent[]> {
  yield* pool.loadParents(events);
  const ranked = new Map<string, Ranked>();
  for (const event of events) ranked.set(event.eventId, { event, level: levelOfSender(pool, event, create) });
  const waitingFor = new Map<string, number>();
  const citedBy = new Map<string, Ranked[]>();
  const ready = new Heap<Ranked>(comesBefore);
  for (const one of ranked.values()) {
    let count = 0;
    for (const { eventId } of pool.parentsOf(one.event)) {
      if (!ranked.has(eventId)) continue;
      count++;
      const citing = citedBy.get(eventId);
      if (citing === undefined) citedBy.set(eventId, [one]);
      else citing.push(one);
    }
    if (count === 0) ready.push(one);
    else waitingFor.set(one.event.eventId, count);
  }
  const sorted: ResolvableEvent[] = [];
  for (let next = ready.take(); next !== undefined; next = ready.take()) {
    sorted.push(next.event);
    for (const citing of citedBy.get(next.event.eventId) ?? []) {
      const left = (waitingFor.get(citing.event.eventId) ?? 0) - 1;
      waitingFor.set(citing.event.eventId, left);
      if (left === 0) ready.push(citing);
    }
  }
  return sorted;
}

function levelOfSender(pool: EventPool, event: ResolvableEvent, create: ResolvableEvent | undefined): number {
  const cited = pool.parentsOf(event);
  const levels = cited.find((parent) => isNamed(parent, 'm.room.power_levels'))?.content;
  const creation = cited.find((parent) => isNamed(parent, 'm.room.create')) ?? create ?? { sender: '', content: {} };
  return userPowerLevel({ version: pool.version, create: creation, levels }, event.sender);
}

function comesBefore(left: Ranked, right: Ranked): boolean {
  if (left.level !== right.level) return left.level > right.level;
  const { originServerTs: leftTs } = left.event;
  const { originServerTs: rightTs } = right.event;
  if (leftTs !== rightTs) return leftTs < rightTs;
  return compareCodePoints(left.event.eventId, right.event.eventId) < 0;
}
