/** Owns knowing other servers' keys: in memory, in the database, and fetched when neither has what is needed. */
import { backoffMs } from '#core/backoff.ts';
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { Quota, type Load } from '#core/quota.ts';
import { fetchServerKeys, fetchVouchedKeys } from '#federation/fetch-keys.ts';
import {
  halfLifeOf,
  mergePublished,
  mergeVouched,
  rowsOf,
  type HeldKey,
  type HeldKeys,
} from '#federation/held-keys.ts';
import type { PublishedKeys } from '#federation/read-server-keys.ts';
import type { Transport } from '#federation/transport.ts';
import { encodeBase64 } from '#matrix/base64.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { importVerifyKey } from '#matrix/signing-keys.ts';
import { checkJsonSignature } from '#matrix/signing.ts';
import type { Database } from '#storage/database.ts';
import { findServerKeys, persistPublishedKeys, persistVouchedKeys } from '#storage/federation/server-keys.ts';

const SERVERS_MAX = 10_000;
const FETCHES_MAX = 200;
/** After an answer that did not help. */
const ASK_AGAIN_MS = 30_000;
/** After none: a server that is back has to be believed again soon. */
const failureBackoff = { leastMs: 5_000, mostMs: 60_000 };

export type KeyStoreParts = {
  readonly database: Database;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Servers that are believed what the keys of others are. */
  readonly notaries: readonly string[];
};

/** `refreshAtTs`: half of the time is over for which the keys are good. */
type Held = { readonly keys: HeldKeys; readonly refreshAtTs: number };
type Attempt = { readonly failures: number; readonly againMs: number };

export class KeyStore {
  readonly #parts: KeyStoreParts;
  readonly #held = new BoundedMap<string, Held>({ sizeMax: SERVERS_MAX });
  readonly #attempts = new BoundedMap<string, Attempt>({ sizeMax: SERVERS_MAX });
  readonly #running = new Map<string, Promise<HeldKeys>>();
  readonly #load = new Quota('key_fetches', FETCHES_MAX);

  constructor(parts: KeyStoreParts) {
    this.#parts = parts;
  }

  get load(): Load {
    return this.#load;
  }

  /**
   * The server's keys by id, asked for anew unless `suffices` is content with those that are known; `validUntilTs` is what
   * a notary is asked for (milliseconds since 1970, now by default). It throws only what the database does.
   */
  async findKeys(
    serverName: string,
    suffices: (keys: HeldKeys) => boolean,
    validUntilTs = this.#parts.clock.now(),
  ): Promise<HeldKeys> {
    const { keys, refreshAtTs } = await this.#find(serverName);
    if (!suffices(keys)) return this.#fetchOnce(serverName, keys, validUntilTs);
    // Renewed before it is needed, and nobody waits for it; what fails has been logged.
    if (this.#parts.clock.now() > refreshAtTs) void this.#fetchOnce(serverName, keys, validUntilTs);
    return keys;
  }

  /** Asks the server for its keys unless that was done a moment ago. */
  async refresh(serverName: string): Promise<void> {
    const { keys } = await this.#find(serverName);
    await this.#fetchOnce(serverName, keys, this.#parts.clock.now());
  }

  async #find(serverName: string): Promise<Held> {
    const inMemory = this.#held.get(serverName);
    if (inMemory !== undefined) return inMemory;
    const stored = await findServerKeys(this.#parts.database, serverName);
    const rows = stored.flatMap(({ publicKey, validUntilTs, expiredTs, ...row }) => {
      const key = importVerifyKey(encodeBase64(publicKey));
      const times = { validUntilTs: validUntilTs ?? undefined, expiredTs: expiredTs ?? undefined };
      return key === undefined ? [] : [{ ...row, ...times, key }];
    });
    const keys = new Map(rows.map((row): [string, HeldKey] => [row.keyId, row]));
    const found = { keys, refreshAtTs: halfLifeOf(rows, rows[0]?.fetchedAt ?? 0) };
    this.#held.set(serverName, found);
    return found;
  }

  /** One at a time for each server. */
  #fetchOnce(serverName: string, known: HeldKeys, validUntilTs: number): Promise<HeldKeys> {
    const fetching = this.#running.get(serverName);
    if (fetching !== undefined) return fetching;
    const started = this.#fetch(serverName, known, validUntilTs).finally(() => this.#running.delete(serverName));
    this.#running.set(serverName, started);
    return started;
  }

  /** It never rejects. */
  async #fetch(serverName: string, known: HeldKeys, validUntilTs: number): Promise<HeldKeys> {
    const { clock, database, logger } = this.#parts;
    const { failures, againMs } = this.#attempts.get(serverName) ?? { failures: 0, againMs: -Infinity };
    if (clock.monotonicMs() < againMs || !this.#load.take()) return known;
    try {
      const { isVouched, ...published } = await this.#ask(serverName, validUntilTs);
      const fetchedAt = clock.now();
      const rows = rowsOf(serverName, published, fetchedAt);
      await database.transaction((tx) => (isVouched ? persistVouchedKeys(tx, rows) : persistPublishedKeys(tx, rows)));
      this.#attempts.set(serverName, { failures: 0, againMs: clock.monotonicMs() + ASK_AGAIN_MS });
      const keys = isVouched ? mergeVouched(known, published.keys) : mergePublished(known, published.keys, fetchedAt);
      this.#held.set(serverName, { keys, refreshAtTs: halfLifeOf(published.keys, fetchedAt) });
      return keys;
    } catch (error) {
      logger.info({ err: error, serverName }, 'the keys of a server could not be fetched');
      const restMs = backoffMs(failures + 1, failureBackoff);
      this.#attempts.set(serverName, { failures: failures + 1, againMs: clock.monotonicMs() + restMs });
      return known;
    } finally {
      this.#load.give();
    }
  }

  async #ask(serverName: string, validUntilTs: number): Promise<PublishedKeys & { readonly isVouched: boolean }> {
    const { transport, clock, logger, notaries } = this.#parts;
    try {
      return { ...(await fetchServerKeys(transport, serverName, clock.now())), isVouched: false };
    } catch (error) {
      const asked = { serverName, validUntilTs, now: clock.now() };
      for (const notary of notaries.filter((name) => !Object.is(name, serverName))) {
        try {
          const isSigned = (document: JsonObject): Promise<boolean> => this.#isSignedBy(notary, document);
          return { ...(await fetchVouchedKeys(transport, notary, asked, isSigned)), isVouched: true };
        } catch (reason) {
          logger.info({ err: reason, notary, serverName }, 'a notary could not help');
        }
      }
      throw error;
    }
  }

  async #isSignedBy(notary: string, document: JsonObject): Promise<boolean> {
    const isInUse = ({ validUntilTs = 0 }: HeldKey): boolean => validUntilTs > this.#parts.clock.now();
    const keys = await this.findKeys(notary, (known) => [...known.values()].some(isInUse));
    const usable = new Map([...keys].filter(([, key]) => isInUse(key)).map(([id, { key }]) => [id, key]));
    return checkJsonSignature(document, notary, usable).ok;
  }
}
