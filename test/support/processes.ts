/** Owns the view of the operating system's processes: which of them belong to one data directory. */
import { readFile, readdir, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** One live process. `command` is the kernel's name for it, such as `node` or `postgres`. */
export type FoundProcess = {
  readonly pid: number;
  readonly parentPid: number;
  readonly command: string;
  readonly commandLine: string;
};

/**
 * The live processes whose command line, working directory or environment mentions the data directory.
 * All three are needed: PostgreSQL rewrites the command line of its children, and the server names the directory only
 * in its environment. Zombies have ended and do not count.
 */
export async function findProcessesOf(dataDir: string): Promise<FoundProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.filter((pid) => pid !== process.pid).map((pid) => inspect(pid, dataDir)));
  return found.filter((one) => one !== undefined);
}

/** The postmaster of the data directory's embedded PostgreSQL: the `postgres` process whose parent is not one. */
export async function findPostmaster(dataDir: string): Promise<FoundProcess | undefined> {
  const servers = (await findProcessesOf(dataDir)).filter((one) => one.command === 'postgres');
  const pids = new Set(servers.map((one) => one.pid));
  return servers.find((one) => !pids.has(one.parentPid));
}

/** Ends every process of the data directory by SIGKILL and returns when none is left. */
export async function killProcessesOf(dataDir: string, timeoutMs = 10_000): Promise<void> {
  await untilNone(dataDir, timeoutMs, (pid) => sendSignal(pid, 'SIGKILL'));
}

/** Waits until no process of the data directory is left. Throws after `timeoutMs`, naming those that are. */
export async function awaitNoProcessesOf(dataDir: string, timeoutMs: number): Promise<void> {
  await untilNone(dataDir, timeoutMs, () => undefined);
}

/** Sends a signal; a process that has ended meanwhile is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function untilNone(dataDir: string, timeoutMs: number, onEach: (pid: number) => void): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = await findProcessesOf(dataDir);
    if (left.length === 0) return;
    for (const one of left) onEach(one.pid);
    if (performance.now() > deadline) {
      const names = left.map((one) => `${one.pid} ${one.commandLine || one.command}`).join('; ');
      throw new Error(`Processes of ${dataDir} are still alive after ${timeoutMs} ms: ${names}`);
    }
    await delay(20);
  }
}

async function inspect(pid: number, dataDir: string): Promise<FoundProcess | undefined> {
  const stat = await readText(`/proc/${pid}/stat`);
  // The name is in brackets and may itself hold brackets and spaces, so the fields after it start at the last one.
  const close = stat.lastIndexOf(')');
  const [state, parentPid] = stat.slice(close + 2).split(' ');
  if (close < 0 || state === 'Z' || state === 'X') return undefined;
  const commandLine = (await readText(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ').trim();
  const environment = (await readText(`/proc/${pid}/environ`)).split('\0');
  const workingDir = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  const mentions = [commandLine, workingDir, ...environment.filter((entry) => entry.startsWith('CAUSEWAY_'))];
  if (!mentions.some((text) => text.includes(dataDir))) return undefined;
  return { pid, parentPid: Number(parentPid), command: stat.slice(stat.indexOf('(') + 1, close), commandLine };
}

async function readText(path: string): Promise<string> {
  // A process may end between the listing and the reading; then there is nothing to say about it.
  return readFile(path, 'utf8').catch(() => '');
}
