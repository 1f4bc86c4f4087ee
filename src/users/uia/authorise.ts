/** Owns user-interactive authentication: a request goes through when the stages of one of its flows are completed. */
import { persistCompletedStage } from '#storage/users/uia-sessions.ts';
import {
  beginUiaSession,
  findLiveUiaSession,
  type LiveUiaSession,
  type UiaSessionParts,
  type UiaSubject,
} from '#users/uia/sessions.ts';
import {
  buildUiaChallenge,
  failStage,
  isCompleteUia,
  selectNextStages,
  type StageVerdict,
  type UiaFailure,
  type UiaFlow,
} from '#users/uia/stages.ts';

/** What a client sends under `auth`. */
export type UiaAuth = { readonly type?: string; readonly session?: string };

export type UiaRequest<Auth extends UiaAuth> = UiaSubject & {
  readonly flows: readonly UiaFlow[];
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
  parts: UiaSessionParts,
  request: UiaRequest<Auth>,
): Promise<UiaVerdict> {
  const { flows, auth } = request;
  const found = auth?.session === undefined ? undefined : await findLiveUiaSession(parts, auth.session);
  const known = found?.isFor(request) === true ? found : undefined;
  const session = known ?? (await beginUiaSession(parts, request));
  const challenge = (done: readonly string[], failure?: UiaFailure): UiaVerdict => ({
    authorised: false,
    challenge: buildUiaChallenge(session.id, flows, done, failure),
  });

  const { completed, sessionHash } = session;
  if (isCompleteUia(flows, completed)) return { authorised: true, sessionHash };
  if (auth !== undefined && auth.session !== undefined && known === undefined)
    return challenge(completed, staleSession);
  // A completed stage cannot be attempted again, which is no mistake: the answer to its first completion may be lost.
  if (auth?.type === undefined || completed.includes(auth.type)) return challenge(completed);

  const verdict = await completeStage(parts, { session, flows, stage: auth.type }, () => request.checkStage(auth));
  if (!verdict.passed) return challenge(completed, verdict.failure);
  const now = [...completed, auth.type];
  return isCompleteUia(flows, now) ? { authorised: true, sessionHash } : challenge(now);
}

const staleSession: UiaFailure = {
  errcode: 'M_FORBIDDEN',
  error: 'The session is over, or it is for another request. Go on with the new one.',
};

/** Checks a stage, unless its turn has not come, and notes in the session that it was completed. */
export async function completeStage(
  parts: UiaSessionParts,
  attempt: { readonly session: LiveUiaSession; readonly flows: readonly UiaFlow[]; readonly stage: string },
  checkStage: () => Promise<StageVerdict>,
): Promise<StageVerdict> {
  const { session, flows, stage } = attempt;
  if (!selectNextStages(flows, session.completed).has(stage)) {
    return failStage('This stage is not the next one of any flow.');
  }
  const verdict = await checkStage();
  if (!verdict.passed) return verdict;
  if (await persistCompletedStage(parts.database, session, stage, verdict.registrationToken)) return verdict;
  // Another request with the same session was faster; it may well be this one, sent twice.
  const now = await findLiveUiaSession(parts, session.id);
  return now?.completed.includes(stage) === true
    ? verdict
    : failStage('Another request has gone on with this session meanwhile: try again.');
}
