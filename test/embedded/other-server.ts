/** Owns a process for tests that starts the embedded PostgreSQL, prints its number, and ends as standard input says. */
import { createInterface } from 'node:readline';
import { startIn } from '#test/embedded/start.ts';

const postgres = await startIn(process.argv[2] ?? '');
console.log(postgres.pid());
for await (const line of createInterface({ input: process.stdin })) {
  // As an error that nothing catches ends a process: without disposing of anything.
  if (line === 'exit') process.exit(1);
}
