/** Owns knowing other servers' keys: in memory, in the database, and fetched when neither has what is needed. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { Quota, type Load } from '#core/quota.ts';
import { KEYS_BYTES_MAX, parseServerKeys, type PublishedKeys } from '#federation/read-server-keys.ts';
import type { Transport } from '#federation/transport.ts';
import { encodeBase64 } from '#matrix/base64.ts';
import { importVerifyKey, type VerifyKey } from '#matrix/signing-keys.ts';
import type { Database } from '#storage/database.ts';
import { findServerKeys, persistServerKeys } from '#storage/federation/server-keys.ts';

/** Times are milliseconds since 1970. */
export type HeldKey = {
  readonly key: VerifyKey;
  readonly validUntilTs: number | undefined;
  readonly expiredTs: number | undefined;
};
export type HeldKeys = ReadonlyMap<string, HeldKey>;

export type KeyStore = {
  /** The server's keys by id, asked for anew unless `suffices` is content with those that are known. It never throws. */
  readonly findKeys: (serverName: string, suffices: (keys: HeldKeys) => boolean) => Promise<HeldKeys>;
  readonly load: Load;
};

const SERVERS_MAX = 10_000;
const FETCHES_MAX = 200;
const FETCH_MS = 15_000;
/** After an answer that did not help, and after none. */
const ASK_AGAIN_MS = 30_000;

export function createKeyStore(parts: {
  readonly database: Database;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
}): KeyStore {
  const { database, transport, clock, logger } = parts;
  const held = new BoundedMap<string, HeldKeys>({ sizeMax: SERVERS_MAX });
  const notBeforeMs = new BoundedMap<string, number>({ sizeMax: SERVERS_MAX });
  const running = new Map<string, Promise<HeldKeys>>();
  const load = new Quota('key_fetches', FETCHES_MAX);

  const keep = (serverName: string, { keys }: PublishedKeys): HeldKeys => {
    const before = held.get(serverName) ?? new Map<string, HeldKey>();
    const merged = new Map([...before, ...keys.map((key): [string, HeldKey] => [key.keyId, key])]);
    held.set(serverName, merged);
    return merged;
  };

  const fetchKeys = async (serverName: string, known: HeldKeys): Promise<HeldKeys> => {
    if (clock.monotonicMs() < (notBeforeMs.get(serverName) ?? 0) || !load.take()) return known;
    try {
      const answer = await transport(serverName, {
        method: 'GET',
        target: '/_matrix/key/v2/server',
        timeoutMs: FETCH_MS,
        bytesMax: KEYS_BYTES_MAX,
      });
      const now = clock.now();
      const published = answer.status === 200 ? parseServerKeys(answer.bytes, serverName, now) : undefined;
      if (published === undefined) throw new Error(`What ${serverName} answered are no keys of its own.`);
      const rows = published.keys.map(({ keyId, publicKey, validUntilTs = null, expiredTs = null }) => {
        return { keyId, publicKey, validUntilTs, expiredTs };
      });
      await persistServerKeys(database, serverName, rows, now);
      return keep(serverName, published);
    } catch (error) {
      logger.info({ err: error, serverName }, 'the keys of a server could not be fetched');
      return known;
    } finally {
      notBeforeMs.set(serverName, clock.monotonicMs() + ASK_AGAIN_MS);
      load.give();
    }
  };

  const stored = async (serverName: string): Promise<HeldKeys> => {
    const inMemory = held.get(serverName);
    if (inMemory !== undefined) return inMemory;
    const rows = await findServerKeys(database, serverName);
    const keys = rows.flatMap(({ keyId, publicKey, validUntilTs, expiredTs }): [string, HeldKey][] => {
      const key = importVerifyKey(encodeBase64(publicKey));
      return (
        (key && [[keyId, { key, validUntilTs: validUntilTs ?? undefined, expiredTs: expiredTs ?? undefined }]]) || []
      );
    });
    const found = new Map(keys);
    held.set(serverName, found);
    return found;
  };

  return {
    findKeys: async (serverName, suffices) => {
      const known = await stored(serverName);
      if (suffices(known)) return known;
      const fetching = running.get(serverName);
      if (fetching !== undefined) return fetching;
      const started = fetchKeys(serverName, known).finally(() => running.delete(serverName));
      running.set(serverName, started);
      return started;
    },
    load,
  };
}
