/** Owns telling others the keys of servers, with our signature on what those have published. */
import type { Clock } from '#core/clock.ts';
import type { KeyStore } from '#federation/key-store.ts';
import { isServerName } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { buildServerKeys, type OwnKeys } from '#matrix/server-keys.ts';
import { signJson } from '#matrix/signing.ts';
import type { Database } from '#storage/database.ts';
import { findKeyDocument } from '#storage/federation/server-keys.ts';

export type Notary = {
  /**
   * The documents of servers, each to be good until a time at least (milliseconds since 1970; now if undefined). An older
   * one is better than none; a server of which nothing is known has none.
   * Specification: Server-Server API, "Querying Keys Through Another Server".
   */
  readonly findDocuments: (asked: ReadonlyMap<string, number | undefined>) => Promise<readonly JsonObject[]>;
};

/** How long others may rely on our own document, and so how long they may miss that a key was withdrawn. */
export const OWN_KEYS_VALID_MS = 24 * 3_600_000;

export function createNotary(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly ownKeys: OwnKeys;
  readonly isLocal: (id: string) => boolean;
  readonly isEnabled: boolean;
  readonly keys: Pick<KeyStore, 'refresh'>;
}): Notary {
  const { database, clock, ownKeys, isLocal, isEnabled, keys } = parts;
  const find = async (serverName: string, validUntilTs = clock.now()): Promise<JsonObject[]> => {
    if (isLocal(serverName)) return [buildServerKeys(ownKeys, clock.now() + OWN_KEYS_VALID_MS)];
    if (!isEnabled || !isServerName(serverName)) return [];
    let found = await findKeyDocument(database, serverName);
    if (found === undefined || found.validUntilTs < validUntilTs) {
      await keys.refresh(serverName);
      found = await findKeyDocument(database, serverName);
    }
    if (found === undefined) return [];
    const document: JsonObject = JSON.parse(found.document);
    return [signJson(document, ownKeys.signer)];
  };
  return {
    findDocuments: async (asked) =>
      (await Promise.all([...asked].map(([serverName, validUntilTs]) => find(serverName, validUntilTs)))).flat(),
  };
}
