/** Owns the one change that is ever made to the text of an event: what was redacted long ago becomes its redacted form. */
import { statement, type Tx } from '#storage/database.ts';

/** A redaction that has been in force for long. */
export type DueRedaction = {
  readonly target_event_id: string;
  readonly redaction_nid: number;
  /** Of the room. */
  readonly version: string;
  /** The target and its text; null where it is not here, or its text is the redacted one already. */
  readonly event_nid: number | null;
  readonly json: string | null;
};

// By redactions_uncensored_index. Locked, so that nobody judges a redaction anew between this and the change.
const lockDue = statement<DueRedaction>(
  'lock_due_redactions',
  `select d.target_event_id, d.redaction_nid, r.version, j.event_nid, j.json
   from redactions d
   join rooms r on r.room_nid = d.room_nid
   left join events e on e.event_id = d.target_event_id and e.room_nid = d.room_nid
   left join event_json j on j.event_nid = e.event_nid and j.censored_at is null
   where d.uncensored_since < $1 and d.valid
   order by d.uncensored_since limit $2 for update of d skip locked`,
);

/** The redactions in force since before a time, longest first, that nobody else is seeing to. */
export function lockDueRedactions(tx: Tx, before: number, limit: number): Promise<DueRedaction[]> {
  return tx.query(lockDue, [before, limit]);
}

const censor = statement<{ event_nid: number }>(
  'censor_events',
  `update event_json j set json = c.json, censored_at = $3 from unnest($1::bigint[], $2::text[]) as c(nid, json)
   where j.event_nid = c.nid and j.censored_at is null returning j.event_nid`,
);

/** Puts redacted texts in the place of whole ones; gives how many. An event that was censored before stays as it is. */
export async function persistCensored(
  tx: Tx,
  events: readonly { readonly eventNid: number; readonly json: string }[],
  now: number,
): Promise<number> {
  if (events.length === 0) return 0;
  const nids = events.map(({ eventNid }) => eventNid);
  const texts = events.map(({ json }) => json);
  return (await tx.query(censor, [nids, texts, now])).length;
}

const settle = statement<unknown>(
  'settle_censored_redactions',
  `update redactions d set uncensored_since = null from unnest($1::text[], $2::bigint[]) as s(target, nid)
   where d.target_event_id = s.target and d.redaction_nid = s.nid`,
);

/** Notes that nothing is left to do for these redactions. */
export async function persistSettled(tx: Tx, redactions: readonly DueRedaction[]): Promise<void> {
  const targets = redactions.map((redaction) => redaction.target_event_id);
  const nids = redactions.map((redaction) => redaction.redaction_nid);
  await tx.query(settle, [targets, nids]);
}
