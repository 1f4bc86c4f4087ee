/** Owns a server that has an administrator, who was made at the command line as an operator makes one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { logIn, testPassword, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startServerProcess, testServerName, type ServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

export type AdministeredServer = AsyncDisposable & {
  readonly server: ServerProcess;
  readonly admin: MatrixHttp;
  /** For further processes of the same server. */
  readonly databaseUrl: string;
};

/** Starts a server on a fresh database, with an administrator who has logged in. */
export async function startAdministeredServer(env: Readonly<Record<string, string>> = {}): Promise<AdministeredServer> {
  const resources = new AsyncDisposableStack();
  const database = resources.use(await createTestDatabase());
  const server = resources.use(await startServerProcess({ databaseUrl: database.url, env }));
  const command = spawn(process.execPath, ['src/bin.js', 'create-user', 'admin', '--admin', '--password-stdin'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], CAUSEWAY_DATABASE_URL: database.url, CAUSEWAY_SERVER_NAME: testServerName },
  });
  command.stdin.end(`${testPassword}\n`);
  const [code]: unknown[] = await once(command, 'exit');
  assert.equal(code, 0, 'create-user makes the administrator');
  const admin = await logIn(server.baseUrl, 'admin');
  return { server, admin, databaseUrl: database.url, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}
