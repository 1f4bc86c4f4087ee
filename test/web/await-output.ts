/** Owns waiting for what a server says when it has started, which comes a moment after it answers. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerProcess } from '#test/support/server-process.ts';

const patienceMs = 10_000;

/** The first match in what the server has written. Throws with all of it when none comes. */
export async function awaitOutput(server: ServerProcess, pattern: RegExp): Promise<string> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const found = pattern.exec(server.output())?.[0];
    if (found !== undefined) return found;
    await delay(10);
  }
  throw new Error(`The server did not say ${String(pattern)}.\n${server.output()}`);
}

/** The link with which the server is set up. */
export function awaitSetUpLink(server: ServerProcess): Promise<string> {
  return awaitOutput(server, /http:\/\/\S+\/#setup=\S+/);
}
