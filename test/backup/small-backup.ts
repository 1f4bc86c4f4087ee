/** Owns the backup of a small server, for tests of what is refused and of what is broken off. */
import path from 'node:path';
import { runCommand } from '#test/backup/commands.ts';
import { registerUser } from '#test/support/matrix-http.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/test-database.ts';

export type SmallBackup = AsyncDisposable & {
  /** For what a test writes. */
  readonly folder: string;
  /** The backup itself. */
  readonly directory: string;
  /** That it was made of; no server runs on it. */
  readonly source: TestDatabase;
};

export async function makeSmallBackup(): Promise<SmallBackup> {
  await using making = new AsyncDisposableStack();
  const { path: folder } = making.use(makeTemporaryDirectory());
  const source = making.use(await createTestDatabase());
  {
    await using server = await startServerProcess({ databaseUrl: source.url });
    const alice = await registerUser(server.baseUrl);
    await alice.sendText(await alice.createRoom(), 'hello');
  }
  const directory = path.join(folder, 'backup');
  await runCommand(['backup', directory], { databaseUrl: source.url });
  const made = making.move();
  return { folder, directory, source, [Symbol.asyncDispose]: () => made.disposeAsync() };
}
