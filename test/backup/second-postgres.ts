/** Owns a PostgreSQL that no server runs, as operators have one of their own: another cluster than that of the test run. */
import { Client } from 'pg';
import { superuserConnection } from '#storage/embedded/connection.ts';
import { startIn } from '#test/embedded/start.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

export type SecondPostgres = AsyncDisposable & {
  /** Of an empty database, as `database.url` takes it. */
  readonly url: string;
  /** Makes another database, owned by the same role; `options` as CREATE DATABASE has them. */
  createDatabase(name: string, options: string): Promise<string>;
};

export async function startSecondPostgres(): Promise<SecondPostgres> {
  const directory = makeTemporaryDirectory();
  const postgres = await startIn(directory.path);
  const { connection } = postgres;
  const urlOf = (name: string): string =>
    `postgresql://${connection.user}@${encodeURIComponent(connection.host)}:${connection.port}/${name}`;
  return {
    url: urlOf(connection.database),
    async createDatabase(name, options) {
      const client = new Client(superuserConnection(connection));
      await client.connect();
      await client.query(`create database ${name} owner ${connection.user} template template0 ${options}`);
      await client.end();
      return urlOf(name);
    },
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}
