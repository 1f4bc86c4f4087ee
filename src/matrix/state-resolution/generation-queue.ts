/** Owns the order in which auth chains are walked: by falling generation, so that an event comes after all that cite it. */
import { Heap } from '#core/heap.ts';
import { requireBelow, type EventPool } from '#matrix/state-resolution/event-pool.ts';
import type { Asking } from '#matrix/state-resolution/question.ts';
import type { ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';

export class GenerationQueue {
  readonly #generations = new Map<number, ResolvableEvent[]>();
  readonly #order = new Heap<number>((left, right) => left > right);

  /** The caller sees to it that no event is pushed twice. */
  push(event: ResolvableEvent): void {
    const generation = this.#generations.get(event.authGen);
    if (generation !== undefined) {
      generation.push(event);
      return;
    }
    this.#generations.set(event.authGen, [event]);
    this.#order.push(event.authGen);
  }

  /** Removes all events of the greatest generation; undefined if the queue is empty. */
  take(): ResolvableEvent[] | undefined {
    const generation = this.#order.take();
    if (generation === undefined) return undefined;
    const events = this.#generations.get(generation);
    this.#generations.delete(generation);
    return events;
  }
}

/**
 * The given events and all in their auth chains whose generation is at least `generationMin`, citing before cited. Of a
 * large room's members all may be given, which cite few events: each of those is looked up once, not by each citation.
 */
export function* walkAuthChains(
  pool: EventPool,
  from: Iterable<ResolvableEvent>,
  generationMin: number,
): Asking<ResolvableEvent[]> {
  const queue = new GenerationQueue();
  const generations = new Map<string, number>();
  const walked: ResolvableEvent[] = [];
  const push = (event: ResolvableEvent): void => {
    generations.set(event.eventId, event.authGen);
    if (event.authGen >= generationMin) queue.push(event);
  };
  for (const event of from) if (!generations.has(event.eventId)) push(event);
  for (let events = queue.take(); events !== undefined; events = queue.take()) {
    const found = new Set<string>();
    for (const event of events) {
      walked.push(event);
      if (!(event.authGen > generationMin)) continue;
      for (const id of event.authEventIds) {
        const generation = generations.get(id);
        if (generation === undefined) found.add(id);
        else requireBelow(id, generation, event.authGen);
      }
    }
    // All that are taken at once are of one generation.
    const citingGen = events[0]?.authGen ?? Infinity;
    for (const parent of yield* pool.require(found)) {
      requireBelow(parent.eventId, parent.authGen, citingGen);
      push(parent);
    }
  }
  return walked;
}

/** The lowest generation among the events; infinite for none. */
export function lowestGeneration(events: Iterable<ResolvableEvent>): number {
  let lowest = Infinity;
  for (const { authGen } of events) if (authGen < lowest) lowest = authGen;
  return lowest;
}
