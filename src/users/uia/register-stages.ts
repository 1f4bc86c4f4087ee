/** Owns the stages by which people register. */
import { checkRegistrationToken, type RegistrationTokenParts } from '#users/registration-tokens.ts';
import type { UiaAuth } from '#users/uia/authorise.ts';
import { failStage, type StageVerdict, type UiaFlow } from '#users/uia/stages.ts';

export type RegisterAuth = UiaAuth & { readonly token?: string };

export function selectRegisterFlows({ mode }: { readonly mode: 'token' | 'open' | 'closed' }): readonly UiaFlow[] {
  return mode === 'open' ? [['m.login.dummy']] : [['m.login.registration_token']];
}

/** Judges one of the stages of `selectRegisterFlows`. Specification: "Token-authenticated registration". */
export async function checkRegisterStage(
  parts: RegistrationTokenParts,
  { type, token }: RegisterAuth,
): Promise<StageVerdict> {
  if (type === 'm.login.dummy') return { passed: true };
  if (token === undefined) return failStage('The stage needs a "token".', 'M_MISSING_PARAM');
  const verdict = await checkRegistrationToken(parts, token);
  if (verdict === 'unusable') return failStage('The registration token is not valid.');
  return { passed: true, registrationToken: verdict === 'stored' ? token : undefined };
}
