/** Owns the order in which auth chains are walked: by falling generation, so that an event comes after all that cite it. */
import { Heap } from '#core/heap.ts';
import type { EventPool } from '#matrix/state-resolution/event-pool.ts';
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
 * The given events and all in their auth chains whose generation is at least `generationMin`, citing before cited. The
 * auth events of every one above that generation are loaded then.
 */
export function* walkAuthChains(
  pool: EventPool,
  from: Iterable<ResolvableEvent>,
  generationMin: number,
): Asking<ResolvableEvent[]> {
  const queue = new GenerationQueue();
  const seen = new Set<string>();
  const walked: ResolvableEvent[] = [];
  const push = (event: ResolvableEvent): void => {
    if (event.authGen < generationMin || seen.has(event.eventId)) return;
    seen.add(event.eventId);
    queue.push(event);
  };
  for (const event of from) push(event);
  for (let events = queue.take(); events !== undefined; events = queue.take()) {
    const citing = events.filter(({ authGen }) => authGen > generationMin);
    yield* pool.loadParents(citing);
    for (const event of events) walked.push(event);
    for (const event of citing) for (const parent of pool.parentsOf(event)) push(parent);
  }
  return walked;
}

/** The lowest generation among the events; infinite for none. */
export function lowestGeneration(events: Iterable<ResolvableEvent>): number {
  let lowest = Infinity;
  for (const { authGen } of events) if (authGen < lowest) lowest = authGen;
  return lowest;
}
