/** Owns what PostgreSQL tells of statements: how often each ran, how long, and how much WAL it wrote. */
import { Client, type ClientConfig } from 'pg';

/** Sums over the time since `reset`. */
export type StatementUse = {
  /** Sent by the server itself; the others ran inside a function of the database, whose figures contain theirs. */
  readonly toplevel: boolean;
  readonly calls: number;
  readonly execMs: number;
  readonly walBytes: number;
  /** One line, cut. */
  readonly text: string;
};

const TEXT_LENGTH = 70;

/** Makes PostgreSQL load the extension at its next start. `connection` is that of a superuser. */
export async function preloadStatements(connection: ClientConfig): Promise<void> {
  await withClient(connection, (client) =>
    client.query("alter system set shared_preload_libraries = 'pg_stat_statements'"),
  );
}

/** Prepares counting in the running database; statements inside functions are counted, too. */
export async function installStatements(connection: ClientConfig): Promise<void> {
  await withClient(connection, async (client) => {
    await client.query('create extension if not exists pg_stat_statements');
    await client.query("alter system set pg_stat_statements.track = 'all'");
    await client.query('select pg_reload_conf()');
  });
}

export async function resetStatements(connection: ClientConfig): Promise<void> {
  await withClient(connection, (client) => client.query('select pg_stat_statements_reset()'));
}

/** The statements since the last reset, the costliest first. */
export async function readStatements(connection: ClientConfig): Promise<StatementUse[]> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<StatementUse>(
      `select toplevel, calls::float as calls, total_exec_time as "execMs", wal_bytes::float as "walBytes",
         left(regexp_replace(query, '\\s+', ' ', 'g'), ${TEXT_LENGTH}) as text
       from pg_stat_statements where query not like '%pg_stat_statements%' order by total_exec_time desc`,
    );
    return rows;
  });
}

async function withClient<T>(connection: ClientConfig, run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(connection);
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}
