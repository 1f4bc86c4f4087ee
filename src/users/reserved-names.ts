/** Owns the names that the server keeps for itself. */
import { MatrixError } from '#matrix/error.ts';

/** Who sends server notices. */
export const notifierLocalpart = '_server';

/** Throws M_EXCLUSIVE for a name that nobody may register: whoever had it would be taken for the server. */
export function requireUnreserved(localpart: string): void {
  if (localpart.toLowerCase() === notifierLocalpart) {
    throw new MatrixError('M_EXCLUSIVE', 'This name belongs to the server itself.');
  }
}
