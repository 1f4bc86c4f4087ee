/** Owns how a PostgreSQL program is started as the account chosen for it, with nothing of our own environment. */
import { spawnSync, type SpawnOptions } from 'node:child_process';
import { findBarrier, type Account } from '#storage/embedded/account.ts';
import type { PostgresBinaries } from '#storage/embedded/binaries.ts';
import { StartError } from '#core/start-error.ts';

/** A program and its arguments for `spawn`, and the options that make it run as the right account. */
export type Command = {
  readonly program: string;
  readonly args: readonly string[];
  readonly options: Pick<SpawnOptions, 'uid' | 'gid' | 'env' | 'cwd'>;
};

export type RunAs = (program: string, args: readonly string[]) => Command;

/**
 * Decides once how programs are run. `targets` are all paths that PostgreSQL must reach. Where a directory above one of
 * them is closed to the account (a checkout below /root, say), PostgreSQL gets the one capability to pass through
 * directories and read files; it can write to its own files only. Throws a `StartError` where that cannot be had.
 */
export function decideRunAs(
  account: Account | undefined,
  binaries: PostgresBinaries,
  targets: readonly string[],
): RunAs {
  const options = { cwd: '/', env: environmentOf(binaries) };
  if (account === undefined) return (program, args) => ({ program, args, options });
  const { uid, gid } = account;
  const barrier = [binaries.postgres, ...targets].map((target) => findBarrier(target, account)).find(Boolean);
  if (barrier === undefined) return (program, args) => ({ program, args, options: { ...options, uid, gid } });

  const capability = '+dac_read_search';
  const prefix = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  prefix.push(`--inh-caps=${capability}`, `--ambient-caps=${capability}`);
  // Else access(2), by which PostgreSQL looks for its own programs, would ignore the capability.
  prefix.push('--securebits=+no_setuid_fixup');
  // The PATH is for finding setpriv, which is not in the same directory everywhere.
  const env = { ...options.env, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
  const runAs: RunAs = (program, args) => ({
    program: 'setpriv',
    args: [...prefix, program, ...args],
    options: { ...options, env },
  });
  // Through a shell, since setpriv itself may run programs that the account may not; initdb runs postgres in the same way.
  if (works(runAs('/bin/sh', ['-c', 'exec "$0" --version', binaries.postgres]))) return runAs;
  throw new StartError(
    `PostgreSQL refuses to run as root, and the user ${account.name} cannot pass through ${barrier}: allow that with ` +
      `"chmod o+x ${barrier}", put Causeway and its data_dir elsewhere, or start Causeway as another user.`,
  );
}

function works({ program, args, options }: Command): boolean {
  return spawnSync(program, args, { ...options, stdio: 'ignore' }).status === 0;
}

function environmentOf({ libraryPath }: PostgresBinaries): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: 'C', TZ: 'UTC' };
  if (libraryPath.length === 0) return env;
  return { ...env, [process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: libraryPath.join(':') };
}
