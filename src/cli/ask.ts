/** Owns the questions that a command asks at the terminal. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { UsageError } from '#cli/command.ts';
import { StartError } from '#core/start-error.ts';

/** What a shell reports for a command that Ctrl-C ended. */
const INTERRUPTED = 130;

export async function askForName(serverName: string): Promise<string> {
  const name = await ask(`Name of the account, without "@" and ":${serverName}": `, process.stderr);
  return name.trim();
}

/** Asks twice without showing what is typed. Throws a `UsageError` when the two differ or are empty. */
export async function askForPassword(): Promise<string> {
  const password = await askHidden('Password: ');
  if (password === '') throw new UsageError('The password is empty.');
  if ((await askHidden('The same password again: ')) !== password) throw new UsageError('The two passwords differ.');
  return password;
}

/** The first line of standard input. Throws a `UsageError` when it is empty. */
export async function readPasswordFromStdin(): Promise<string> {
  const [password = ''] = (await text(process.stdin)).split(/\r?\n/);
  if (password === '') throw new UsageError('Standard input holds no password.');
  return password;
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const answer = await ask('', nowhere);
  process.stderr.write('\n');
  return answer;
}

/** Throws a `StartError` when the question is left by Ctrl-C or Ctrl-D. */
async function ask(question: string, output: NodeJS.WritableStream): Promise<string> {
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const left = new AbortController();
  lines.once('SIGINT', () => left.abort());
  lines.once('close', () => left.abort());
  try {
    return await lines.question(question, { signal: left.signal });
  } catch (error) {
    if (!left.signal.aborted) throw error;
    throw new StartError('\nNothing was changed.', { exitCode: INTERRUPTED, cause: error });
  } finally {
    lines.close();
  }
}
