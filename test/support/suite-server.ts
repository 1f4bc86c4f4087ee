/** Owns the one server that the tests of a suite share. */
import { after, before } from 'node:test';
import { registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startServerOnFreshDatabase, type ServerProcess } from '#test/support/server-process.ts';

export type SuiteServer = {
  readonly baseUrl: string;
  /** Fresh users, each with one device, in the order asked for. */
  newUsers<Names extends readonly string[]>(...names: Names): Promise<{ [Name in keyof Names]: MatrixHttp }>;
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
      const users = names.map((name) => registerUser(baseUrl(), `${name}-${crypto.randomUUID().slice(0, 13)}`));
      // A tuple of promises becomes a tuple of users, which the type of `map` cannot say.
      return (await Promise.all(users)) as { [Name in keyof Names]: MatrixHttp };
    },
  };
}
