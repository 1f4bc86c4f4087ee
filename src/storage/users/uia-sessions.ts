/** Owns the stored sessions of user-interactive authentication. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

/** A session. Its id is stored as a hash, so that whoever reads the database cannot go on with it. */
export type StoredUiaSession = {
  readonly sessionHash: string;
  readonly operation: string;
  readonly requestHash: Buffer;
  readonly userNid: number | null;
  readonly completed: readonly string[];
  readonly registrationToken: string | null;
};

const insertSession = statement<never>(
  'insert_uia_session',
  `with expired as (
     delete from uia_sessions where session_id in (
       select session_id from uia_sessions where created_at < $6 order by created_at limit 100 for update skip locked))
   insert into uia_sessions (session_id, operation, request_hash, user_nid, completed, created_at)
   values ($1, $2, $3, $4, '{}', $5)`,
);

/** Stores a session without completed stages, and clears away some that were made before `expiredBefore`. */
export async function persistUiaSession(
  db: ReadTx,
  session: Pick<StoredUiaSession, 'sessionHash' | 'operation' | 'requestHash' | 'userNid'>,
  createdAt: number,
  expiredBefore: number,
): Promise<void> {
  const { sessionHash, operation, requestHash, userNid } = session;
  await db.query(insertSession, [sessionHash, operation, requestHash, userNid, createdAt, expiredBefore]);
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

const updateCompleted = statement<never>(
  'update_uia_session_completed',
  'update uia_sessions set completed = $2, registration_token = coalesce($3, registration_token) where session_id = $1',
);

/** Notes the completed stages, and the registration token that one of them was completed with. */
export async function persistCompletedStages(
  db: ReadTx,
  sessionHash: string,
  completed: readonly string[],
  registrationToken: string | undefined,
): Promise<void> {
  await db.query(updateCompleted, [sessionHash, completed, registrationToken ?? null]);
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
