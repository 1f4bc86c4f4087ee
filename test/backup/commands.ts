/** Owns running commands of the command line for tests of backups, as an operator does. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { testServerName } from '#test/support/server-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export type Place = { readonly databaseUrl: string } | { readonly dataDir: string };
export type Ended = { readonly code: number | null; readonly output: string };
export type RunningCommand = { readonly child: ChildProcess; readonly ended: Promise<Ended> };

/** Starts a command over a database; `env` overrides the configuration that test servers have. */
export function startCommand(
  args: readonly string[],
  place: Place,
  env: Readonly<Record<string, string>> = {},
): RunningCommand {
  const child = spawn(process.execPath, ['src/bin.js', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      CAUSEWAY_SERVER_NAME: testServerName,
      ...('databaseUrl' in place ? { CAUSEWAY_DATABASE_URL: place.databaseUrl } : { CAUSEWAY_DATA_DIR: place.dataDir }),
      ...env,
    },
  });
  const end = async (): Promise<Ended> => {
    const [output, words, code] = await Promise.all([
      child.stdout.setEncoding('utf8').toArray(),
      child.stderr.setEncoding('utf8').toArray(),
      new Promise<number | null>((resolve) => child.once('exit', resolve)),
    ]);
    return { code, output: [...output, ...words].join('') };
  };
  return { child, ended: end() };
}

/** Runs a command to its good end and gives what it said. */
export async function runCommand(args: readonly string[], place: Place): Promise<string> {
  const { code, output } = await startCommand(args, place).ended;
  assert.equal(code, 0, output);
  return output;
}

/** Runs a command that must refuse, in one sentence without a stack. */
export async function expectRefusal(
  args: readonly string[],
  place: Place,
  sentence: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { code, output } = await startCommand(args, place, env).ended;
  assert.equal(code, 1, output);
  assert.match(output, sentence);
  assert.equal(output.trim().split('\n').length, 1, `one sentence: ${output}`);
}
