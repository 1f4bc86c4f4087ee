/** Owns the one server that the tests of a suite share. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { registerUser, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startServerOnFreshDatabase, type ServerProcess } from '#test/support/server-process.ts';

export type SuiteServer = {
  readonly baseUrl: string;
  /** Fresh users, each with one device, in the order asked for. */
  newUsers<Names extends readonly string[]>(...names: Names): Promise<UserPerName<Names>>;
};

/** Starts a server before the first test of the enclosing `describe` and stops it after the last. */
export function useSuiteServer(env: Readonly<Record<string, string>> = {}): SuiteServer {
  let running: ServerProcess | undefined;
  before(async () => {
    running = await startServerOnFreshDatabase(env);
  });
  after(async () => {
    await running?.[Symbol.asyncDispose]();
  });
  const baseUrl = (): string => {
    if (running === undefined) throw new Error('The server is there only while the tests of the suite run.');
    return running.baseUrl;
  };
  return {
    get baseUrl() {
      return baseUrl();
    },
    async newUsers<Names extends readonly string[]>(...names: Names) {
      const users = await Promise.all(names.map((name) => registerUser(baseUrl(), uniqueName(name))));
      assert.ok(isOnePerName(users, names));
      return users;
    },
  };
}

type UserPerName<Names extends readonly string[]> = { [Name in keyof Names]: MatrixHttp };

function isOnePerName<Names extends readonly string[]>(
  users: readonly MatrixHttp[],
  names: Names,
): users is UserPerName<Names> & readonly MatrixHttp[] {
  return users.length === names.length;
}
