/** Owns the sessions of user-interactive authentication: bound to one request of one user, for an hour. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import type { Database } from '#storage/database.ts';
import { findUiaSession, persistUiaSession, type StoredUiaSession } from '#storage/users/uia-sessions.ts';
import { hashToken } from '#users/authenticate.ts';

const SESSION_LIFETIME_MS = 3_600_000;
/** A client begins one session for each thing that it does, and some begin anew at every attempt. */
const SESSIONS_PER_USER_MAX = 20;
/** Sessions of everybody who is not logged in: beyond it, whoever began first begins again. */
const SESSIONS_OF_NOBODY_MAX = 10_000;

export type UiaSessionParts = { readonly database: Database; readonly clock: Clock };

/** What a session allows once its stages are completed. */
export type UiaSubject = {
  /** The operation id that the session is for. */
  readonly operation: string;
  /** Whose request it is; 0 when nobody is logged in. */
  readonly userNid: number;
  /** The request without `auth`, as text that is the same when the request is. */
  readonly request: string;
};

/** A session under way. `id` is what the client knows it by. */
export type LiveUiaSession = Pick<StoredUiaSession, 'sessionHash' | 'operation' | 'userNid' | 'completed'> & {
  readonly id: string;
};

export async function beginUiaSession(
  { database, clock }: UiaSessionParts,
  { operation, userNid, request }: UiaSubject,
): Promise<LiveUiaSession> {
  const id = randomToken();
  const now = clock.now();
  const session = { sessionHash: hashSessionId(id), operation, requestHash: bind(id, request), userNid };
  await persistUiaSession(database, session, now, {
    expiredBefore: now - SESSION_LIFETIME_MS,
    perUserMax: userNid === 0 ? SESSIONS_OF_NOBODY_MAX : SESSIONS_PER_USER_MAX,
  });
  return { id, sessionHash: session.sessionHash, operation, userNid, completed: [] };
}

/** The session of this id, whatever it is for; undefined when it is over or never was. */
export async function findLiveUiaSession(
  { database, clock }: UiaSessionParts,
  id: string,
): Promise<(LiveUiaSession & { readonly isFor: (subject: UiaSubject) => boolean }) | undefined> {
  const stored = await findUiaSession(database, hashSessionId(id), clock.now() - SESSION_LIFETIME_MS);
  if (stored === undefined) return undefined;
  const isFor = ({ operation, userNid, request }: UiaSubject): boolean =>
    stored.operation === operation &&
    stored.userNid === userNid &&
    timingSafeEqual(stored.requestHash, bind(id, request));
  return { ...stored, id, isFor };
}

function hashSessionId(id: string): string {
  return hashToken(id).toString('base64url');
}

// Keyed with the id, which is nowhere stored: a request may hold a password, and a plain hash could be guessed at.
function bind(id: string, request: string): Buffer {
  return createHmac('sha256', id).update(request).digest();
}
