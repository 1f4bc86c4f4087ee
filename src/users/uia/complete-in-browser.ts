/** Owns completing a stage from the page of a browser, on behalf of a client that does not know the stage. */
import { completeStage } from '#users/uia/authorise.ts';
import { userFlows, type AuthoriseUserParts, type UserAuth } from '#users/uia/authorise-user.ts';
import { checkPasswordStage } from '#users/uia/password-stage.ts';
import { checkRegisterStage, selectRegisterFlows, type RegisterAuth } from '#users/uia/register-stages.ts';
import { findLiveUiaSession } from '#users/uia/sessions.ts';
import { failStage, type StageVerdict } from '#users/uia/stages.ts';
import type { RegistrationTokenParts } from '#users/registration-tokens.ts';

export type BrowserStageParts = AuthoriseUserParts &
  RegistrationTokenParts & {
    readonly config: { readonly registration: { readonly mode: 'token' | 'open' | 'closed' } };
  };

/**
 * Completes one stage of a session, whoever asks: the session's id is a secret of the client that began it, and the stage
 * itself asks for the rest. Specification: Client-Server API, "Fallback".
 */
export async function completeStageInBrowser(
  parts: BrowserStageParts,
  sessionId: string,
  stage: string,
  auth: NonNullable<UserAuth> & RegisterAuth,
): Promise<StageVerdict> {
  const session = await findLiveUiaSession(parts, sessionId);
  if (session === undefined) return failStage('This took too long: go back to your client and begin again.');
  if (session.completed.includes(stage)) return { passed: true };
  const { userNid } = session;
  return userNid === 0
    ? completeStage(parts, { session, flows: selectRegisterFlows(parts.config.registration), stage }, () =>
        checkRegisterStage(parts, { ...auth, type: stage }),
      )
    : completeStage(parts, { session, flows: userFlows, stage }, () => checkPasswordStage(parts, userNid, auth));
}
