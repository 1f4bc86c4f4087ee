/** Owns how a resolution gives up, and its limits. */

/** States that are resolved together: the room's extremities, or an event's predecessors. */
export const STATE_SETS_MAX = 256;

/** Events that one resolution looks at. A room of 100,000 members of which all changed on both sides stays below it. */
export const EVENTS_LOADED_MAX = 300_000;

export type ResolutionErrorReason =
  | 'too-many-states'
  | 'too-many-events'
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
