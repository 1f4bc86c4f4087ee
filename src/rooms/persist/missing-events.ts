/** Owns the refusal of an event that builds on events which are not here. */
import { MatrixError } from '#matrix/error.ts';

/** The caller fetches these and comes again; nothing was written. */
export class MissingEventsError extends MatrixError {
  readonly eventIds: readonly string[];

  constructor(eventIds: readonly string[]) {
    super('M_NOT_FOUND', 'The event builds on events that this server does not have.');
    this.name = 'MissingEventsError';
    this.eventIds = eventIds;
  }
}
