/** Owns the form of a section that lists events. */

export function joinedJson(events: readonly string[]): string {
  return `{"events":[${events.join(',')}]}`;
}
