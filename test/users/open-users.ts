/** Owns what the tests of users share: a database with the tables of the server, and the parts that verbs need. */
import { Client } from 'pg';
import type { Clock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { accountsSql } from '#migrations/baseline/accounts.ts';
import { encryptionSql } from '#migrations/baseline/encryption.ts';
import { userStreamsSql } from '#migrations/baseline/user-streams.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { RemoteUnreachable } from '#federation/remote-errors.ts';
import { openDatabase, type Database } from '#storage/database.ts';
import type { EmbeddedConnection } from '#storage/embedded/connection.ts';
import { createStreamWriter, type WriteStreams } from '#streams/stream-writer.ts';
import { createAuthenticator, type Authenticator } from '#users/authenticate.ts';
import { createRemoteProfiles, type RemoteProfiles } from '#users/remote/remote-profiles.ts';
import { createPasswordAttempts, type PasswordAttempts } from '#users/password-attempts.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

export type TestUsers = AsyncDisposable & {
  readonly database: Database;
  readonly clock: Clock & { nowMs: number };
  readonly authenticator: Authenticator;
  readonly passwordAttempts: PasswordAttempts;
  readonly deviceRemovals: readonly [];
  readonly streams: { readonly write: WriteStreams };
  readonly isLocal: (id: string) => boolean;
  readonly remoteProfiles: RemoteProfiles;
  readonly config: {
    readonly serverName: string;
    readonly publicUrl: undefined;
    readonly passwords: { readonly lengthMin: number };
    readonly sessions: { readonly accessTokenLifetimeMs: number };
    readonly registration: {
      readonly mode: 'token' | 'open' | 'closed';
      readonly token?: string;
      readonly guests: boolean;
    };
  };
  /** A second process on the same database. */
  readonly otherAuthenticator: Authenticator;
  /** Runs SQL on a connection of its own. */
  ask(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
};

async function prepare(connection: EmbeddedConnection): Promise<void> {
  const client = new Client(connection);
  await client.connect();
  await client.query(accountsSql);
  await client.query(userStreamsSql);
  await client.query(encryptionSql);
  await client.end();
}

export type TestRegistration = Omit<TestUsers['config']['registration'], 'guests'>;

export async function openUsers(registration: TestRegistration): Promise<TestUsers> {
  const test = await createTestDatabase(prepare, 'users_template');
  const logger = createLogger('silent');
  const database = openDatabase(test.connection, { poolSize: 10, logger });
  const clock = {
    nowMs: 1_700_000_000_000,
    now: () => clock.nowMs,
    monotonicMs: () => clock.nowMs - 1_600_000_000_000,
  };
  // Of what other processes do, nothing is heard here.
  const unmoved = { horizon: 0, since: () => [] };
  const writer = createStreamWriter({ database, clock, logger, committed: () => Promise.resolve() });
  return {
    database,
    clock,
    authenticator: createAuthenticator({ database, clock, logger, deviceLists: unmoved }),
    passwordAttempts: createPasswordAttempts({ enabled: true, wrongPasswords: { perSecond: 0.2, burst: 20 } }, clock),
    deviceRemovals: [],
    streams: writer,
    otherAuthenticator: createAuthenticator({ database, clock, logger, deviceLists: unmoved }),
    isLocal: (id) => serverNameOf(id) === 'hs1.test',
    remoteProfiles: createRemoteProfiles({ clock, client: { request: () => Promise.reject(new RemoteUnreachable()) } }),
    config: {
      serverName: 'hs1.test',
      publicUrl: undefined,
      passwords: { lengthMin: 8 },
      sessions: { accessTokenLifetimeMs: 60_000 },
      registration: { ...registration, guests: false },
    },
    async ask(sql, values = []) {
      const client = new Client(test.connection);
      await client.connect();
      try {
        return (await client.query(sql, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    async [Symbol.asyncDispose]() {
      await writer[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
      await test[Symbol.asyncDispose]();
    },
  };
}
