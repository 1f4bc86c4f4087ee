/** Owns what must be true of the data directory before PostgreSQL is started in it. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { StartError } from '#core/start-error.ts';
import { postgresMajor, type Layout } from '#storage/embedded/layout.ts';

const diskBytesMin = 500_000_000;

/** Creates the data directory where there is none. Throws a `StartError` when it cannot be made or written to. */
export function makeDataDirectory(dataDir: string): void {
  try {
    const isNew = !existsSync(dataDir);
    mkdirSync(dataDir, { recursive: true });
    // PostgreSQL under another account must pass through, but not look around.
    if (isNew) chmodSync(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
    rmdirSync(mkdtempSync(path.join(dataDir, '.writable-')));
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new StartError(
      `The data directory ${dataDir} cannot be written to${reason}: give it to the user that runs Causeway, or choose ` +
        'another one with data_dir (CAUSEWAY_DATA_DIR).',
      { cause: error },
    );
  }
}

/** Throws a `StartError` when fewer bytes are left for the data directory; PostgreSQL stops hard on a full disk. */
export function requireDiskSpace(dataDir: string, bytesMin = diskBytesMin): void {
  const { bavail, bsize } = statfsSync(dataDir);
  const bytesFree = bavail * bsize;
  if (bytesFree >= bytesMin) return;
  const megabytes = (bytes: number) => `${Math.floor(bytes / 1e6)} MB`;
  throw new StartError(
    `The disk of ${dataDir} has ${megabytes(bytesFree)} left and Causeway needs ${megabytes(bytesMin)}: free some ` +
      'space, or choose a data_dir (CAUSEWAY_DATA_DIR) on another disk.',
  );
}

/** Throws a `StartError` when the data directory holds the database of another major version of PostgreSQL. */
export function requireOwnMajor({ dataDir, cluster }: Layout): void {
  if (existsSync(cluster)) return;
  for (const name of readdirSync(dataDir)) {
    const version = /^postgres-(\d+)$/.exec(name)?.[1];
    if (version !== undefined && version !== String(postgresMajor)) {
      throw otherMajor(path.join(dataDir, name), version);
    }
  }
}

function otherMajor(found: string, version: string): StartError {
  return new StartError(
    `${found} was written by PostgreSQL ${version} and this version of Causeway runs PostgreSQL ${postgresMajor}: run ` +
      '"causeway backup DIR" with the version of Causeway that made it, move the data directory away, and run "causeway ' +
      'restore DIR" with this one.',
  );
}
