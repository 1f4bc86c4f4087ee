/** Owns the text of a public key with all its signatures. */
import type { VisibleSignature } from '#storage/users/keys/find-key-signatures.ts';

export type SignaturesByKey = ReadonlyMap<string, readonly VisibleSignature[]>;

/** A key of a user, by the name under which it is signed: the id of a device, or a public key. */
export function nameOf(userId: string, keyId: string): string {
  return `${userId}\0${keyId}`;
}

export function groupSignatures(signatures: readonly VisibleSignature[]): SignaturesByKey {
  return Map.groupBy(signatures, ({ targetUserId, targetKeyId }) => nameOf(targetUserId, targetKeyId));
}

/** The key as it was uploaded, with the signatures that came later; the object's last brace is for the caller to add. */
export function signedJson(
  { signedText, signatures }: { readonly signedText: string; readonly signatures: string },
  later: readonly VisibleSignature[] = [],
): string {
  if (later.length === 0) return `${signedText.slice(0, -1)},"signatures":${signatures}`;
  const byUser = new Map<string, Map<string, string>>();
  const uploaded: Record<string, Record<string, string>> = JSON.parse(signatures);
  for (const [userId, byKey] of Object.entries(uploaded)) byUser.set(userId, new Map(Object.entries(byKey)));
  for (const { signerUserId, signingKeyId, signature } of later) {
    const byKey = byUser.get(signerUserId) ?? new Map<string, string>();
    byUser.set(signerUserId, byKey.set(signingKeyId, signature));
  }
  const merged = Object.fromEntries(Array.from(byUser, ([userId, byKey]) => [userId, Object.fromEntries(byKey)]));
  return `${signedText.slice(0, -1)},"signatures":${JSON.stringify(merged)}`;
}
