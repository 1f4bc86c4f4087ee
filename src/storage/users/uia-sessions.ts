/** Owns the stored sessions of user-interactive authentication. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

/** A session. Its id is stored as a hash, so that whoever reads the database cannot go on with it. */
export type StoredUiaSession = {
  readonly sessionHash: string;
  readonly operation: string;
  readonly requestHash: Buffer;
  /** 0 when nobody is logged in. */
  readonly userNid: number;
  readonly completed: readonly string[];
  readonly registrationToken: string | null;
};

// Both clean-ups go along an index and take a hundred rows at most, so that a flood is cleared as fast as it comes.
const insertSession = statement<never>(
  'insert_uia_session',
  `with expired as (
     delete from uia_sessions where session_id in (
       select session_id from uia_sessions where created_at < $6 order by created_at limit 100 for update skip locked)),
   surplus as (
     delete from uia_sessions where session_id in (
       select session_id from uia_sessions where user_nid = $4 order by created_at desc offset $7 limit 100))
   insert into uia_sessions (session_id, operation, request_hash, user_nid, completed, created_at)
   values ($1, $2, $3, $4, '{}', $5)`,
);

/** What is cleared away when a session is stored. */
export type UiaSessionLimits = { readonly expiredBefore: number; readonly perUserMax: number };

/** Stores a session without completed stages; the user's oldest beyond the limit go, and some that have expired. */
export async function persistUiaSession(
  db: ReadTx,
  session: Pick<StoredUiaSession, 'sessionHash' | 'operation' | 'requestHash' | 'userNid'>,
  createdAt: number,
  { expiredBefore, perUserMax }: UiaSessionLimits,
): Promise<void> {
  const { sessionHash, operation, requestHash, userNid } = session;
  const kept = perUserMax - 1;
  await db.query(insertSession, [sessionHash, operation, requestHash, userNid, createdAt, expiredBefore, kept]);
}

const selectSession = statement<StoredUiaSession>(
  'select_uia_session',
  `select session_id as "sessionHash", operation, request_hash as "requestHash", user_nid as "userNid", completed,
      registration_token as "registrationToken"
   from uia_sessions where session_id = $1 and created_at >= $2`,
);

/** The session, unless it was made before `expiredBefore`. */
export async function findUiaSession(
  db: ReadTx,
  sessionHash: string,
  expiredBefore: number,
): Promise<StoredUiaSession | undefined> {
  const [session] = await db.query(selectSession, [sessionHash, expiredBefore]);
  return session;
}

const updateCompleted = statement<{ completed: string[] }>(
  'update_uia_session_completed',
  `update uia_sessions set completed = completed || $3::text, registration_token = coalesce($4, registration_token)
   where session_id = $1 and completed = $2 returning completed`,
);

/**
 * Adds a stage to those that were completed, and the registration token that it was completed with. False when the
 * session is gone or another request has completed a stage meanwhile.
 */
export async function persistCompletedStage(
  db: ReadTx,
  session: { readonly sessionHash: string; readonly completed: readonly string[] },
  stage: string,
  registrationToken: string | undefined,
): Promise<boolean> {
  const values = [session.sessionHash, session.completed, stage, registrationToken ?? null];
  return (await db.query(updateCompleted, values)).length === 1;
}

const deleteSession = statement<{ registrationToken: string | null }>(
  'delete_uia_session',
  'delete from uia_sessions where session_id = $1 returning registration_token as "registrationToken"',
);

/** Takes the session away, for the one request that it allows. Undefined when another request was first. */
export async function takeUiaSession(
  tx: Tx,
  sessionHash: string,
): Promise<{ readonly registrationToken: string | null } | undefined> {
  const [session] = await tx.query(deleteSession, [sessionHash]);
  return session;
}

const insertUsedNonce = statement<{ sessionId: string }>(
  'insert_used_nonce',
  `insert into uia_sessions (session_id, operation, request_hash, completed, created_at)
   values ($1, 'admin.registerWithSecret', '', '{}', $2) on conflict do nothing returning session_id as "sessionId"`,
);

/** Notes the nonce of a registration by secret, until long after it has expired. False when it was noted before. */
export async function persistUsedNonce(tx: Tx, nonce: string, usedAt: number): Promise<boolean> {
  return (await tx.query(insertUsedNonce, [nonce, usedAt])).length === 1;
}
