/** Owns connections to PostgreSQL: the pool, transactions and named statements. */
import { Client, Pool, type ClientConfig, type PoolClient } from 'pg';
import { backOff } from '#core/backoff.ts';
import type { Logger } from '#core/logger.ts';
import { Quota, type Load } from '#core/quota.ts';
import { clientConfigOf } from '#storage/client-config.ts';
import { isConflict, isConnectionLost } from '#storage/database-errors.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';
import { tooMuchWaiting } from '#storage/overload.ts';

/** A connection of its owner's own. */
export type DatabaseClient = Client;

/** A statement that PostgreSQL parses once per connection. `Row` is the shape of a row of its answer. */
export type Statement<Row> = { readonly name: string; readonly text: string; readonly row?: Row };

/** Names a statement; the name must be unique in the program and at most 63 bytes. */
export function statement<Row>(name: string, text: string): Statement<Row> {
  return { name, text };
}

/** Asks for nothing: answered when the database can be reached. */
export const ping = statement<unknown>('ping', 'select 1');

/** Something that statements run on. */
export type ReadTx = {
  query<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]>;
};

/** A transaction in progress. Whatever takes one never opens one of its own. */
export type Tx = ReadTx & { readonly transaction: true };

export type Database = ReadTx &
  AsyncDisposable & {
    /**
     * READ COMMITTED; rolled back if `run` throws. When PostgreSQL has it give way to others, `run` is run again in a new
     * transaction, so it does nothing but read and write by `tx`.
     */
    transaction<T>(run: (tx: Tx) => Promise<T>): Promise<T>;
    /** A connection of one's own, for the writer and for LISTEN; the caller connects and ends it. */
    dedicatedClient(options?: ClientConfig): Client;
    /** For how long a statement of a request may run, in milliseconds; 0 without a limit. */
    readonly queryMsMax: number;
    /** Statements and transactions that have a connection of the pool or wait for one. */
    readonly load: Load;
  };

export type DatabaseOptions = {
  readonly poolSize: number;
  readonly logger: Logger;
  /** How many may wait for a connection; more are refused at once. */
  readonly poolWaitersMax?: number;
  /** No limit unless given: what the command line does may take its time. */
  readonly queryMsMax?: number;
};

/** For a connection of the pool, also when it has to be made. */
const WAIT_MS_MAX = 5_000;
/** PostgreSQL is to end what takes too long; the driver does when nobody answers. */
const ANSWER_MS = 1_000;
const ATTEMPTS_MAX = 8;
const conflictBackoff = { leastMs: 5, mostMs: 500 };

/** Opens the pool; no connection is made before the first query. What is refused since too many wait is answered by 503. */
export function openDatabase(address: DatabaseAddress, options: DatabaseOptions): Database {
  const { poolSize, logger, poolWaitersMax = 10_000, queryMsMax = 0 } = options;
  const config = clientConfigOf(address);
  const pool = new Pool({
    ...config,
    ...timeLimits(queryMsMax),
    max: poolSize,
    // Some transactions send statements together. Without this the driver queues them, which it will not do for long.
    pipeline: true,
    connectionTimeoutMillis: WAIT_MS_MAX,
    idleTimeoutMillis: 30_000,
  });
  const load = new Quota('database_pool', poolSize + poolWaitersMax);
  const reader = readerOn(pool);
  // A connection lost while idle is replaced by the pool; without a listener the error would end the process.
  pool.on('error', (error) => {
    // The pool ends before its connections do, and a PostgreSQL of our own is stopped right after it.
    if (!pool.ending) logger.warn({ err: error }, 'database connection lost');
  });
  return {
    query: (asked, values) => admitted(load, () => reader.query(asked, values)),
    transaction: (run) => admitted(load, () => inTransaction(pool, run)),
    dedicatedClient: (own = {}) => new Client({ ...config, connectionTimeoutMillis: WAIT_MS_MAX, ...own }),
    queryMsMax,
    load,
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** What `pg` needs for a connection whose statements may take so many milliseconds, or as long as they like (0). */
export function timeLimits(queryMsMax: number): ClientConfig {
  return queryMsMax === 0 ? {} : { statement_timeout: queryMsMax, query_timeout: queryMsMax + ANSWER_MS };
}

/** Runs it if not too many run and wait already, and again when PostgreSQL had it give way: it has then done nothing. */
async function admitted<T>(load: Quota, run: () => Promise<T>): Promise<T> {
  if (!load.take()) throw tooMuchWaiting();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !isConflict(error)) throw error;
      }
      await backOff(attempt, conflictBackoff);
    }
  } finally {
    load.give();
  }
}

/** Makes a transaction of a client that is inside one already. */
export function txOn(client: Pick<PoolClient, 'query'>): Tx {
  return { ...readerOn(client), transaction: true };
}

type Queryable = { query: (config: { name: string; text: string; values: unknown[] }) => Promise<{ rows: unknown[] }> };

function readerOn(queryable: Pool | Pick<PoolClient, 'query'>): ReadTx {
  // Both have this overload; the union of their other overloads is what TypeScript cannot call.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const target = queryable as Queryable;
  return {
    async query<Row>({ name, text }: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
      const { rows } = await target.query({ name, text, values: [...values] });
      // The statement's author states the shape of its rows; tests run every statement.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return rows as Row[];
    },
  };
}

async function inTransaction<T>(pool: Pool, run: (tx: Tx) => Promise<T>): Promise<T> {
  let broken: Error | undefined;
  const onError = (error: Error): void => void (broken = error);
  const client = await clientOf(pool, onError);
  try {
    await client.query('begin');
    const result = await run(txOn(client));
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection that does not answer is ended, which rolls back; a ROLLBACK would only wait behind what hangs.
    if (isConnectionLost(error)) broken ??= new Error('The transaction was interrupted.', { cause: error });
    else await client.query('rollback').catch((rollbackError: Error) => (broken = rollbackError));
    throw error;
  } finally {
    if (broken === undefined) client.off('error', onError);
    client.release(broken);
  }
}

/**
 * A connection of the pool with a listener. The pool listens to idle connections only: one that breaks between two
 * statements would end the process; like this the next statement fails, and the connection is not used again.
 */
function clientOf(pool: Pool, onError: (error: Error) => void): Promise<PoolClient> {
  // By callback: a promise is answered later, and the very bytes that open a connection may say that it ends.
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) reject(error);
      else resolve(client.on('error', onError));
    });
  });
}
