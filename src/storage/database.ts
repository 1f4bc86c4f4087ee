/** Owns connections to PostgreSQL: the pool, transactions and named statements. */
import { Client, Pool, type ClientConfig, type PoolClient } from 'pg';
import type { Logger } from '#core/logger.ts';
import { clientConfigOf } from '#storage/client-config.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';

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
    /** READ COMMITTED; rolled back if `run` throws. */
    transaction<T>(run: (tx: Tx) => Promise<T>): Promise<T>;
    /** A connection of one's own, for the writer and for LISTEN; the caller connects and ends it. */
    dedicatedClient(options?: ClientConfig): Client;
  };

/** Opens the pool; no connection is made before the first query. */
export function openDatabase(address: DatabaseAddress, options: { poolSize: number; logger: Logger }): Database {
  const config = clientConfigOf(address);
  const pool = new Pool({
    ...config,
    max: options.poolSize,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
  });
  // A connection lost while idle is replaced by the pool; without a listener the error would end the process.
  pool.on('error', (error) => {
    // The pool ends before its connections do, and a PostgreSQL of our own is stopped right after it.
    if (!pool.ending) options.logger.warn({ err: error }, 'database connection lost');
  });
  return {
    ...readerOn(pool),
    transaction: (run) => inTransaction(pool, run),
    dedicatedClient: (own = {}) => new Client({ ...config, ...own }),
    [Symbol.asyncDispose]: () => pool.end(),
  };
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
  const client = await pool.connect();
  let broken: Error | undefined;
  // The pool listens to idle connections only. One that breaks between two statements would end the process; like this
  // the next statement fails, and the connection is not used again.
  const onError = (error: Error): void => void (broken = error);
  client.on('error', onError);
  try {
    await client.query('begin');
    const result = await run(txOn(client));
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((rollbackError: Error) => (broken = rollbackError));
    throw error;
  } finally {
    if (broken === undefined) client.off('error', onError);
    client.release(broken);
  }
}
