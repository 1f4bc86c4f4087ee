/** Owns the order of events by what they follow. */

/**
 * Followed before following; what follows none of the others keeps its order. Events that follow each other in a circle, which
 * no honest server makes, come last.
 */
export function followedFirst<Event extends { readonly eventNid: number; readonly prevNids: readonly number[] }>(
  events: readonly Event[],
): Event[] {
  const byNid = new Map(events.map((event) => [event.eventNid, event]));
  const followers = new Map<number, Event[]>();
  const open = new Map<number, number>();
  for (const event of events) {
    const own = event.prevNids.filter((nid) => byNid.has(nid));
    open.set(event.eventNid, own.length);
    for (const nid of own) {
      const known = followers.get(nid);
      if (known === undefined) followers.set(nid, [event]);
      else known.push(event);
    }
  }
  const ready = events.filter(({ eventNid }) => open.get(eventNid) === 0);
  for (const event of ready) {
    for (const follower of followers.get(event.eventNid) ?? []) {
      const left = (open.get(follower.eventNid) ?? 0) - 1;
      open.set(follower.eventNid, left);
      if (left === 0) ready.push(follower);
    }
  }
  const sorted = new Set(ready);
  return [...ready, ...events.filter((event) => !sorted.has(event))];
}
