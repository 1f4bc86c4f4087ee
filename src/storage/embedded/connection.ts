/** Owns connecting to the embedded PostgreSQL, and the role and database that the server uses. */
import { Client } from 'pg';
import { socketPort } from '#storage/embedded/socket-directory.ts';

/** What `pg` needs to connect; there is no password, since the socket's directory is closed to everybody else. */
export type EmbeddedConnection = {
  /** The directory of the Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
};

/** The database of a server: a URL of the operator's own PostgreSQL, or the way to the embedded one. `pg` takes both. */
export type DatabaseAddress = { readonly connectionString: string } | EmbeddedConnection;

export const databaseName = 'causeway';
/** The role that initdb creates; the server itself connects as an ordinary role, which cannot reach files or programs. */
export const superuser = 'postgres';

/** The SQLSTATE `cannot_connect_now`: PostgreSQL is starting, recovering or stopping. */
export const CANNOT_CONNECT_NOW = '57P03';

export function connectionOf(socketDirectory: string, port = socketPort): EmbeddedConnection {
  return { host: socketDirectory, port, user: databaseName, database: databaseName };
}

/** The same PostgreSQL with all rights, for what only they can do. */
export function superuserConnection(connection: EmbeddedConnection): EmbeddedConnection {
  return { ...connection, user: superuser, database: 'postgres' };
}

/** Whether the PostgreSQL that answers has exactly this data directory. Throws when none answers. */
export async function answersFor(connection: EmbeddedConnection, cluster: string): Promise<boolean> {
  await using client = await connect(superuserConnection(connection));
  const { rows } = await client.query<{ data_directory: string }>('show data_directory');
  return rows[0]?.data_directory === cluster;
}

/** Creates the role and the database `causeway` where they are missing. */
export async function ensureDatabase(connection: EmbeddedConnection): Promise<void> {
  await using client = await connect(superuserConnection(connection));
  const { rows } = await client.query<{ role: boolean; database: boolean }>(
    `select exists(select from pg_roles where rolname = $1) as role,
            exists(select from pg_database where datname = $1) as database`,
    [databaseName],
  );
  if (!rows[0]?.role) await client.query(`create role ${databaseName} login`);
  if (rows[0]?.database) return;
  await client.query(
    `create database ${databaseName} owner ${databaseName} template template0
       encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`,
  );
}

type DisposableClient = Client & AsyncDisposable;

/** A connection that ends with its scope. */
async function connect(connection: EmbeddedConnection): Promise<DisposableClient> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 10_000 });
  // Without a listener the end of the connection would end the process.
  client.on('error', () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}
