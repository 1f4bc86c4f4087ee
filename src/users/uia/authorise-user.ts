/** Owns asking the owner of an account to confirm what a device of theirs wants to do. */
import { Type, type Static } from 'typebox';
import { MatrixError } from '#matrix/error.ts';
import type { Tx } from '#storage/database.ts';
import { takeUiaSession } from '#storage/users/uia-sessions.ts';
import { authoriseByUia, type UiaVerdict } from '#users/uia/authorise.ts';
import { checkPasswordStage, type PasswordStageParts } from '#users/uia/password-stage.ts';
import type { UiaSessionParts } from '#users/uia/sessions.ts';
import type { UiaFlow } from '#users/uia/stages.ts';
import { namedUserProperties } from '#users/user-identifier.ts';

/** The key `auth` of every request that its user must confirm. */
export const userAuthSchema = Type.Optional(
  Type.Object({
    type: Type.Optional(Type.String()),
    session: Type.Optional(Type.String({ maxLength: 255 })),
    ...namedUserProperties,
    password: Type.Optional(Type.String()),
  }),
);

export type UserAuth = Static<typeof userAuthSchema>;

/** The stages by which users confirm something. */
export const userFlows: readonly UiaFlow[] = [['m.login.password']];

export type AuthoriseUserParts = UiaSessionParts & PasswordStageParts;

export type UserConfirmation = {
  /** The operation id, such as `client.deleteDevice`. */
  readonly operation: string;
  readonly userNid: number;
  /** What is to be confirmed, as text that is the same when the request is; a secret in it is not stored. */
  readonly request: string;
  readonly auth: UserAuth | undefined;
};

/**
 * Whether the user has confirmed this very request. What is done then uses the confirmation up in its transaction
 * (`useConfirmation`), so that it allows one thing.
 * Specification: Client-Server API, "User-Interactive Authentication API".
 */
export function authoriseUser(parts: AuthoriseUserParts, confirmation: UserConfirmation): Promise<UiaVerdict> {
  return authoriseByUia(parts, {
    ...confirmation,
    flows: userFlows,
    checkStage: (auth) => checkPasswordStage(parts, confirmation.userNid, auth),
  });
}

/** Uses up what `authoriseUser` gave. Throws M_FORBIDDEN when another request was first. */
export async function useConfirmation(tx: Tx, sessionHash: string): Promise<void> {
  if ((await takeUiaSession(tx, sessionHash)) === undefined) {
    throw new MatrixError('M_FORBIDDEN', 'What was confirmed has been done already.');
  }
}
