/** Owns telling PostgreSQL's errors apart by what the caller can do about them. */

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * The connection broke or PostgreSQL is not there: nothing is known about the statement. SQLSTATE classes 08
 * (connection), 53 (resources), 57 (operator intervention) and 58 (system), 25P03 (ended since its transaction was idle),
 * errors of the socket, and the driver's own.
 */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined) return /^(?:08|53|57|58)[0-9A-Z]{3}$|^25P03$|^E(?!RR_)[A-Z_]+$/.test(code);
  return (
    error instanceof Error &&
    /^(?:Connection terminated|Client (?:has encountered|was closed)|timeout (?:exceeded|expired)|Query read timeout)/.test(
      error.message,
    )
  );
}

/** Serialisation failure, deadlock or a lock that was not had in time: the same again may succeed. */
export function isContention(error: unknown): boolean {
  return isConflict(error) || codeOf(error) === '55P03';
}

/** Serialisation failure or deadlock: PostgreSQL has chosen this transaction to give way, and asks for it again. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === '40001' || code === '40P01';
}

/**
 * An event id that has a row already, or the id of a new room: from version 12 on it is made of the create event alone, which two
 * processes may build alike in one millisecond.
 */
export function isDuplicateEvent(error: unknown): boolean {
  return (
    codeOf(error) === '23505' &&
    error instanceof Error &&
    'constraint' in error &&
    (error.constraint === 'events_event_id_key' || error.constraint === 'rooms_room_id_key')
  );
}
