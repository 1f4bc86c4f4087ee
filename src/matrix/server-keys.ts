/** Owns the document by which a server publishes its signing keys. */
import type { JsonObject } from '#matrix/pdu.ts';
import type { SigningKey } from '#matrix/signing-keys.ts';
import { signJson, type Signer } from '#matrix/signing.ts';

/** A server's keys: the one that it signs with, and those that it has signed with before. */
export type OwnKeys = {
  readonly signer: Signer;
  /** `expiredTs`: when the key was last used, in milliseconds since 1970. */
  readonly expired: readonly { readonly key: SigningKey; readonly expiredTs: number }[];
};

/**
 * The signed answer of `/_matrix/key/v2/server`, to be asked for again at `validUntilTs` (milliseconds since 1970).
 * Specification: Server-Server API, "Publishing Keys".
 */
export function buildServerKeys({ signer, expired }: OwnKeys, validUntilTs: number): JsonObject {
  const oldKeys = expired.map(({ key, expiredTs }): [string, JsonObject] => [
    key.keyId,
    { expired_ts: expiredTs, key: key.publicKey },
  ]);
  // In the order of canonical JSON: who checks the text as it came, without its signatures, checks what was signed.
  return signJson(
    {
      old_verify_keys: Object.fromEntries(oldKeys.toSorted(([a], [b]) => (a < b ? -1 : 1))),
      server_name: signer.serverName,
      valid_until_ts: validUntilTs,
      verify_keys: { [signer.key.keyId]: { key: signer.key.publicKey } },
    },
    signer,
  );
}
