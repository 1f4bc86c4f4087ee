/** Owns the beginning of answers that the specification shapes as transactions. */
import type { Clock } from '#core/clock.ts';
import type { OwnKeys } from '#matrix/server-keys.ts';

/** The JSON text up to where a comma and `"pdus"` follow. */
export function transactionHead({ ownKeys, clock }: { readonly ownKeys: OwnKeys; readonly clock: Clock }): string {
  return `{"origin":${JSON.stringify(ownKeys.signer.serverName)},"origin_server_ts":${clock.now()}`;
}
