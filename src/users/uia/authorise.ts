/** Owns user-interactive authentication: sessions in the database, bound to one request, completed once. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import type { Database } from '#storage/database.ts';
import {
  findUiaSession,
  persistCompletedStages,
  persistUiaSession,
  type StoredUiaSession,
} from '#storage/users/uia-sessions.ts';
import { hashToken } from '#users/authenticate.ts';
import {
  buildUiaChallenge,
  isCompleteUia,
  selectNextStages,
  type UiaFailure,
  type UiaFlow,
} from '#users/uia/stages.ts';

const SESSION_LIFETIME_MS = 3_600_000;

/** What a client sends under `auth`. */
export type UiaAuth = { readonly type?: string; readonly session?: string };

/** What a stage says to what the client sent for it. */
export type StageVerdict =
  | { readonly passed: true; readonly registrationToken?: string | undefined }
  | { readonly passed: false; readonly failure: UiaFailure };

export type UiaParts = { readonly database: Database; readonly clock: Clock };

export type UiaRequest<Auth extends UiaAuth> = {
  /** The operation id that the session is for. */
  readonly operation: string;
  readonly flows: readonly UiaFlow[];
  /** The request without `auth`, as text that is the same when the request is. */
  readonly request: string;
  readonly auth: Auth | undefined;
  /** Judges one of the stages in `flows`. */
  readonly checkStage: (auth: Auth) => Promise<StageVerdict>;
};

/** `challenge` is the body to answer with status 401; `sessionHash` is for `takeUiaSession`. */
export type UiaVerdict =
  | { readonly authorised: true; readonly sessionHash: string }
  | { readonly authorised: false; readonly challenge: Record<string, unknown> };

/**
 * Judges the `auth` of a request. Auth data without a session begins one; a session that is unknown, over, or of another
 * request is answered with a new one, with which the client can go on.
 * Specification: Client-Server API, "User-Interactive Authentication API".
 */
export async function authoriseByUia<Auth extends UiaAuth>(
  parts: UiaParts,
  request: UiaRequest<Auth>,
): Promise<UiaVerdict> {
  const { flows, auth } = request;
  const known = auth?.session === undefined ? undefined : await findSessionOf(parts, request, auth.session);
  const { id, sessionHash, completed } = known ?? (await beginSession(parts, request));
  const challenge = (done: readonly string[], failure?: UiaFailure): UiaVerdict => ({
    authorised: false,
    challenge: buildUiaChallenge(id, flows, done, failure),
  });

  if (isCompleteUia(flows, completed)) return { authorised: true, sessionHash };
  if (auth?.type === undefined) return challenge(completed);
  if (auth.session !== undefined && known === undefined) return challenge(completed, staleSession);
  if (!selectNextStages(flows, completed).has(auth.type)) return challenge(completed, wrongStage);

  const verdict = await request.checkStage(auth);
  if (!verdict.passed) return challenge(completed, verdict.failure);
  const now = [...completed, auth.type];
  await persistCompletedStages(parts.database, sessionHash, now, verdict.registrationToken);
  return isCompleteUia(flows, now) ? { authorised: true, sessionHash } : challenge(now);
}

const staleSession: UiaFailure = {
  errcode: 'M_FORBIDDEN',
  error: 'The session is over, or it is for another request. Go on with the new one.',
};
const wrongStage: UiaFailure = { errcode: 'M_FORBIDDEN', error: 'This stage is not the next one of any flow.' };

type LiveSession = { readonly id: string; readonly sessionHash: string; readonly completed: readonly string[] };

async function beginSession(
  { database, clock }: UiaParts,
  { operation, request }: Pick<UiaRequest<UiaAuth>, 'operation' | 'request'>,
): Promise<LiveSession> {
  const id = randomToken();
  const now = clock.now();
  const session = { sessionHash: hashSessionId(id), operation, requestHash: bind(id, request), userNid: null };
  await persistUiaSession(database, session, now, now - SESSION_LIFETIME_MS);
  return { id, sessionHash: session.sessionHash, completed: [] };
}

async function findSessionOf(
  { database, clock }: UiaParts,
  { operation, request }: Pick<UiaRequest<UiaAuth>, 'operation' | 'request'>,
  id: string,
): Promise<LiveSession | undefined> {
  const stored: StoredUiaSession | undefined = await findUiaSession(
    database,
    hashSessionId(id),
    clock.now() - SESSION_LIFETIME_MS,
  );
  if (stored?.operation !== operation || !timingSafeEqual(stored.requestHash, bind(id, request))) return undefined;
  return { id, sessionHash: stored.sessionHash, completed: stored.completed };
}

function hashSessionId(id: string): string {
  return hashToken(id).toString('base64url');
}

// Keyed with the id, which is nowhere stored: a request may hold a password, and a plain hash could be guessed at.
function bind(id: string, request: string): Buffer {
  return createHmac('sha256', id).update(request).digest();
}
