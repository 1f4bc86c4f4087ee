/** Owns what PostgreSQL's own files and the system say about a postmaster: whether it lives, is ours and is ready. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isErrno } from '#core/errno.ts';

export type PostmasterFile = {
  readonly pid: number;
  readonly port: number;
  readonly socketDirectory: string;
  readonly status: string;
};

/** A process number that no system gives out, as `pid_max` is at most 2^22 on Linux and 99,999 on macOS. */
const NO_PROCESS = 2_147_483_646;

/** `postmaster.pid` of the cluster, or undefined when there is none or it is incomplete. */
export function readPostmasterFile(cluster: string): PostmasterFile | undefined {
  const [pid, , , port, socketDirectory, , , status] = readLines(path.join(cluster, 'postmaster.pid'));
  if (!Number.isInteger(Number(pid)) || Number(pid) <= 0) return undefined;
  return { pid: Number(pid), port: Number(port), socketDirectory: socketDirectory ?? '', status: status?.trim() ?? '' };
}

/** The command line that the latest postmaster of the cluster was started with, as PostgreSQL writes it down. */
export function readStartedWith(cluster: string): string | undefined {
  return readLines(path.join(cluster, 'postmaster.opts'))[0];
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Whether the process lives and is a PostgreSQL of this cluster: PostgreSQL makes the cluster its working directory. */
export function isPostmasterAlive(pid: number, cluster: string): boolean {
  if (existsSync('/proc/self/cwd')) return workingDirectoryOf(String(pid)) === realpathSync(cluster);
  return isAlive(pid) && commandLineOf(pid).includes(cluster);
}

/** Undefined for a process that is gone, a zombie, or not ours to look at. */
function workingDirectoryOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** For systems without /proc. */
export function commandLineOf(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' });
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return isErrno(error, 'EPERM');
  }
}

/**
 * Makes a pid file that is left over harmless where PostgreSQL itself would refuse to start because of it. Call it only
 * when no postmaster of the cluster lives. A file that names a dead process stays as it is: PostgreSQL looks at the
 * shared memory it names before it takes over, so that no orphaned backend can write at the same time. For the same
 * reason the number of a process that is not PostgreSQL's is replaced and the rest of the file kept.
 * Returns what was done, for the log.
 */
export function disarmPidFile(cluster: string): 'replaced' | 'removed' | undefined {
  const file = path.join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const found = readPostmasterFile(cluster);
  if (found) {
    if (!isAlive(found.pid)) return undefined;
    writeFileSync(file, [NO_PROCESS, ...readLines(file).slice(1)].join('\n'));
    return 'replaced';
  }
  if (livesAnyProcessIn(cluster)) return undefined;
  rmSync(file);
  return 'removed';
}

function livesAnyProcessIn(cluster: string): boolean {
  if (!existsSync('/proc/self/cwd')) return false;
  const real = realpathSync(cluster);
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && workingDirectoryOf(name) === real);
}
