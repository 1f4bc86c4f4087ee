/** Owns between which states of its room a section of a sync tells. */
import type { ReadTx } from '#storage/database.ts';
import { findStateRootsAt, type StatePlace } from '#storage/streams/find-timelines.ts';
import type { StateFork, Timeline, TimelineItem } from '#sync/timelines.ts';

/** From which state to which one, and an event that comes on top of the latter. */
export type Span = {
  readonly before: number;
  /** Whether all of the state is told, and not only what changed. */
  readonly isWhole: boolean;
  readonly after: number;
  readonly last: TimelineItem | undefined;
  /** The state at the end of the timeline, when the events of the timeline alone do not lead to it. */
  readonly end: number | undefined;
};

/** Undefined for a room of which the user sees nothing but their own membership. */
export async function findSpans(
  database: ReadTx,
  timelines: readonly Timeline[],
  useStateAfter: boolean,
): Promise<readonly (Span | undefined)[]> {
  // The roots that neither ring nor timeline tell are read together.
  const places: StatePlace[] = [];
  const readLater = (place: StatePlace): RootOf => {
    const at = places.push(place) - 1;
    return (roots) => roots[at] ?? 0;
  };
  const ends = timelines.map((timeline) => {
    if (timeline.plan.ownEventOnly) return undefined;
    if (timeline.plan.isProvisional) return provisionalEnds(timeline, useStateAfter, readLater);
    return endsOf(timeline, useStateAfter, readLater);
  });
  const roots = await findStateRootsAt(database, places);
  return timelines.map(({ plan, items }, index) => {
    const found = ends[index];
    if (found === undefined) return undefined;
    const departure = plan.section === 'leave' && useStateAfter ? items.at(-1) : undefined;
    const last = departure?.stateKey === undefined || departure.fork !== undefined ? undefined : departure;
    return {
      before: found.before(roots),
      isWhole: plan.full,
      after: found.after(roots),
      last,
      end: found.end?.(roots),
    };
  });
}

/** A root out of those that are read together. */
type RootOf = (roots: readonly number[]) => number;
type Ends = { readonly before: RootOf; readonly after: RootOf; readonly end: RootOf | undefined };
type ReadLater = (place: StatePlace) => RootOf;

const known =
  (root: number): RootOf =>
  () =>
    root;

function endsOf({ plan, items, facts, forks }: Timeline, useStateAfter: boolean, readLater: ReadLater): Ends {
  const { roomNid } = plan;
  const changed = facts === undefined || facts.some((fact) => fact.stateKey !== undefined || fact.fork !== undefined);
  const first = rootBefore(facts?.[0]);
  const endRoot = useStateAfter ? undefined : endOf(forks, items)?.rootAfter;
  const end = endRoot === undefined ? undefined : known(endRoot);
  if (!plan.full && !changed && first !== undefined) return { before: known(first), after: known(first), end };
  const before = plan.after === 0 ? 0 : first;
  // The last event of a room that is left may be followed by others in the batch whose head tells the root.
  const departure = plan.section === 'leave' ? items.at(-1) : undefined;
  const start = useStateAfter ? undefined : rootBefore(items[0]);
  const after = start ?? departure?.fork?.rootAfter ?? departure?.stateBefore;
  return {
    before: before === undefined ? readLater({ roomNid, pos: plan.after }) : known(before),
    after: after === undefined ? readLater({ roomNid, pos: plan.upTo }) : known(after),
    end,
  };
}

/** The same, all of it read by one statement: before and after the missing members come these are different states. */
function provisionalEnds({ plan, items, forks }: Timeline, useStateAfter: boolean, readLater: ReadLater): Ends {
  const { roomNid } = plan;
  const departure = plan.section === 'leave' ? items.at(-1) : undefined;
  const start = useStateAfter ? undefined : items[0];
  const event = start ?? departure;
  const after = (): StatePlace => {
    if (event === undefined) return { roomNid, pos: plan.upTo };
    // An event on an old head has a head, and a batch, of its own.
    if (event.fork === undefined) return { roomNid, beforeNid: event.eventNid };
    return { roomNid, pos: event === start ? event.pos - 1 : event.pos };
  };
  const end = useStateAfter ? undefined : endOf(forks, items);
  return {
    before: plan.after === 0 ? known(0) : readLater({ roomNid, pos: plan.after }),
    after: readLater(after()),
    end: end === undefined ? undefined : readLater({ roomNid, pos: end.pos }),
  };
}

/** The room's state before an event: that before the event itself, unless it follows an old head. */
function rootBefore(
  event: { readonly stateBefore: number; readonly fork?: StateFork | undefined } | undefined,
): number | undefined {
  return event?.fork?.rootBefore ?? event?.stateBefore;
}

/** The last resolution in the timeline: what comes after it is told by the events themselves. */
function endOf(forks: Timeline['forks'], items: readonly TimelineItem[]): Timeline['forks'][number] | undefined {
  return items.length === 0 ? undefined : forks.at(-1);
}
