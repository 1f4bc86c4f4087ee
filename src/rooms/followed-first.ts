/** Owns the order of events by what they follow. */

/**
 * Followed before following; what follows none of the others keeps its order. Events that follow each other in a circle, which
 * no honest server makes, come last.
 */
export function followedFirst<Event, Id>(
  events: readonly Event[],
  idOf: (event: Event) => Id,
  prevIdsOf: (event: Event) => readonly Id[],
): Event[] {
  const ids = new Set(events.map(idOf));
  const followers = new Map<Id, Event[]>();
  const open = new Map<Id, number>();
  const ready: Event[] = [];
  for (const event of events) {
    const own = [...new Set(prevIdsOf(event))].filter((id) => ids.has(id));
    for (const id of own) {
      const known = followers.get(id);
      if (known === undefined) followers.set(id, [event]);
      else known.push(event);
    }
    open.set(idOf(event), own.length);
    if (own.length === 0) ready.push(event);
  }
  for (const event of ready) {
    for (const follower of followers.get(idOf(event)) ?? []) {
      const left = (open.get(idOf(follower)) ?? 0) - 1;
      open.set(idOf(follower), left);
      if (left === 0) ready.push(follower);
    }
  }
  const sorted = new Set(ready);
  return [...ready, ...events.filter((event) => !sorted.has(event))];
}
