/** Owns the statuses of events, as the column has them. */

/** In the order of their codes. `docs/data.md` says what each means and which follows which. */
export const eventStatuses = [
  'missing',
  'outlier',
  'accepted',
  'soft_failed',
  'rejected_by_state',
  'rejected_by_auth',
] as const;

export type EventStatus = (typeof eventStatuses)[number];

/** Throws for a code that no version of this program writes. */
export function statusOfCode(code: number): EventStatus {
  const status = eventStatuses[code];
  if (status === undefined) throw new Error(`There is no event status ${code}.`);
  return status;
}

export function codeOfStatus(status: EventStatus): number {
  return eventStatuses.indexOf(status);
}

/** Whether the event has been judged with its place in the graph: a judgement stands, whatever comes later. */
export function isJudged(status: EventStatus): boolean {
  return status !== 'missing' && status !== 'outlier';
}

/** Whether the event was rejected, so that events which cite it as an auth event are rejected too. */
export function isRejected(status: EventStatus): boolean {
  return status === 'rejected_by_state' || status === 'rejected_by_auth';
}
