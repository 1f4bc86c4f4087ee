/** Owns the driver of `resolveState`: it hands over the events that the resolver asks for, out of a map of all. */
import type { RoomVersion } from '#matrix/room-versions.ts';
import { resolveState } from '#matrix/state-resolution/resolve-state.ts';
import type { Events, StateSet } from '#test/vectors/state-resolution/resolvable.ts';

/** `arrange` chooses the order in which the events of one question are handed over. */
export function driveResolver(
  version: RoomVersion,
  sets: readonly StateSet[],
  events: Events,
  arrange: (ids: readonly string[]) => readonly string[] = (ids) => ids,
): StateSet {
  const resolving = resolveState(version, sets);
  let step = resolving.next();
  while (step.done !== true) step = resolving.next(new Map(arrange(step.value).map((id) => [id, events.get(id)])));
  return step.value.state;
}
