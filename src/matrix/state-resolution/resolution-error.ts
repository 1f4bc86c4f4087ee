/** Owns how a resolution gives up, and its limits. */

/** States that are resolved together: the room's extremities, or an event's predecessors. */
export const STATE_SETS_MAX = 256;

/**
 * Events that one resolution looks at. A room of 100,000 members who all changed on both sides needs 300,000: what a
 * legal room can come to is never refused, since a server that refuses what others resolve has another state from then on.
 */
export const EVENTS_LOADED_MAX = 400_000;

export type ResolutionErrorReason =
  | 'too-many-states'
  | 'too-many-events'
  /** A state or an auth event names an event that nobody has: without it the result would be another than elsewhere. */
  | 'missing-event'
  /** An auth event is not of a lower generation than an event that cites it: the graph has a cycle, or the caller errs. */
  | 'inconsistent-auth-graph';

/** No result: the caller decides whether the room stays as it was or the event is put off. */
export class ResolutionError extends Error {
  readonly reason: ResolutionErrorReason;

  constructor(reason: ResolutionErrorReason, message: string) {
    super(message);
    this.name = 'ResolutionError';
    this.reason = reason;
  }
}
