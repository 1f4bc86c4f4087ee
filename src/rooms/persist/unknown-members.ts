/** Owns the refusal of what cannot be done or told while members of a room are on their way. */
import { MatrixError } from '#matrix/error.ts';

/** Nothing was written: who waits until the room is complete may come again. */
export class UnknownMembersError extends MatrixError {
  readonly roomNid: number;

  constructor(roomNid: number) {
    const message = 'The members of this room are still being fetched from other servers. Try again in a while.';
    super('M_UNKNOWN', message, { status: 504 });
    this.name = 'UnknownMembersError';
    this.roomNid = roomNid;
  }
}
