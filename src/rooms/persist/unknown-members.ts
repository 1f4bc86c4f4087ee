/** Owns the refusal of an event of ours about users who are not known to be in the room or not, as its state is not complete. */
import { MatrixError } from '#matrix/error.ts';

/** The caller waits until the room is complete and comes again; nothing was written. */
export class UnknownMembersError extends MatrixError {
  readonly roomNid: number;

  constructor(roomNid: number) {
    const message = 'The members of this room are still being fetched from other servers. Try again in a while.';
    super('M_UNKNOWN', message, { status: 504 });
    this.name = 'UnknownMembersError';
    this.roomNid = roomNid;
  }
}
