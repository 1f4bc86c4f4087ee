/** Owns the answers of a server that cannot take or finish a request now. */
import { MatrixError } from '#matrix/error.ts';
import { isConnectionLost, isContention } from '#storage/database-errors.ts';

const retryAfterMs = 1_000;

export function databaseAway(cause: unknown): MatrixError {
  return unavailable('The database cannot be reached right now. Try again in a moment.', cause);
}

export function tooMuchWaiting(): MatrixError {
  return unavailable('The server has too much to do right now. Try again in a moment.');
}

/** The answer for an error of the database that may be gone when the request is made again; undefined for all others. */
export function findUnavailable(error: unknown): MatrixError | undefined {
  if (isConnectionLost(error)) return databaseAway(error);
  return isContention(error)
    ? unavailable('Somebody else is changing the same. Try again in a moment.', error)
    : undefined;
}

/** 503 is what tells clients, proxies and other servers to come again; M_LIMIT_EXCEEDED would blame the caller. */
function unavailable(message: string, cause?: unknown): MatrixError {
  return new MatrixError('M_UNKNOWN', message, { status: 503, fields: { retry_after_ms: retryAfterMs }, cause });
}
