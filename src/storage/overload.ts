/** Owns the answers of a writer that cannot take or finish a request now. */
import { MatrixError } from '#matrix/error.ts';

const retryAfterMs = 1_000;

export function databaseAway(cause: unknown): MatrixError {
  return unavailable('The database cannot be reached right now. Try again in a moment.', cause);
}

export function tooMuchWaiting(): MatrixError {
  return unavailable('Too much is waiting to be written. Try again in a moment.');
}

function unavailable(message: string, cause?: unknown): MatrixError {
  return new MatrixError('M_UNKNOWN', message, { status: 503, fields: { retry_after_ms: retryAfterMs }, cause });
}
