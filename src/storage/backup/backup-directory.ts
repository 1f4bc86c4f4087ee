/** Owns the directory that a backup is written into, so that a half-written one never passes for a backup. */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '#core/errno.ts';
import { StartError } from '#core/start-error.ts';

export type UnfinishedDirectory = AsyncDisposable & {
  /** Where to write, until it is complete. */
  readonly path: string;
  /** Forces it to disk, files excepted, and gives it its name. */
  complete(): Promise<void>;
};

/**
 * A directory beside the wanted one, readable by nobody else, as a backup holds every secret of the server. Disposing of it
 * before it is complete removes it. Throws a `StartError` when the wanted directory is not new or empty.
 */
export async function makeUnfinishedDirectory(directory: string): Promise<UnfinishedDirectory> {
  const wanted = path.resolve(directory);
  const unfinished = `${wanted}.unfinished`;
  await requireEmpty(wanted);
  try {
    await mkdir(unfinished, { mode: 0o700 });
  } catch (error) {
    if (isErrno(error, 'EEXIST')) {
      throw new StartError(`${unfinished} is left of a backup that was broken off, or one is under way: remove it.`);
    }
    throw new StartError(`${unfinished} cannot be made: ${error instanceof Error ? error.message : String(error)}`);
  }
  let isComplete = false;
  return {
    path: unfinished,
    async complete() {
      const folders = await readdir(unfinished, { withFileTypes: true });
      for (const entry of folders) if (entry.isDirectory()) await sync(path.join(unfinished, entry.name));
      await sync(unfinished);
      await rename(unfinished, wanted);
      isComplete = true;
      await sync(path.dirname(wanted));
    },
    async [Symbol.asyncDispose]() {
      if (!isComplete) await rm(unfinished, { recursive: true, force: true });
    },
  };
}

async function requireEmpty(directory: string): Promise<void> {
  const entries = await readdir(directory).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw new StartError(`${directory} is not a directory that can be read.`, { cause: error });
  });
  if (entries.length > 0) {
    throw new StartError(`${directory} is not empty: a backup goes into a new or an empty directory.`);
  }
}

/** Forces a file's or a directory's contents to disk. */
export async function sync(file: string): Promise<void> {
  await using handle = await open(file, 'r');
  await handle.sync();
}
