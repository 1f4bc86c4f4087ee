/** Owns reading a backup's files, and refusing one in which anything is not as it was written. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { isErrno } from '#core/errno.ts';
import { StartError } from '#core/start-error.ts';
import {
  FORMAT,
  manifestFile,
  manifestHashFile,
  parseManifest,
  tableFile,
  type Manifest,
  type TableOfBackup,
} from '#storage/backup/manifest.ts';

export type Backup = { readonly directory: string; readonly manifest: Manifest };

/** Reads the manifest. Throws a `StartError` that names the file in which something is wrong. */
export async function readBackup(directory: string): Promise<Backup> {
  const bytes = await readFileOf(directory, manifestFile);
  const hash = (await readFileOf(directory, manifestHashFile)).toString('utf8');
  if (hash !== `${createHash('sha256').update(bytes).digest('hex')}  ${manifestFile}\n`) {
    throw damaged(path.join(directory, manifestFile), `its hash is not that of ${manifestHashFile}`);
  }
  const manifest = parseManifest(bytes.toString('utf8'));
  if (manifest === undefined || manifest.format !== FORMAT) {
    throw new StartError(`${path.join(directory, manifestFile)} is of another version of Causeway: use that version.`);
  }
  return { directory, manifest };
}

async function readFileOf(directory: string, name: string): Promise<Buffer> {
  const file = path.join(directory, name);
  try {
    return await readFile(file);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new StartError(`${directory} is no backup: it has no ${name}.`, { cause: error });
  }
}

function damaged(file: string, how: string): StartError {
  return new StartError(`${file} is damaged, ${how}: use another backup.`);
}

/** Reads all files of rows and compares hashes and counts. Throws a `StartError` for the first that is not as written. */
export async function checkFiles({ directory, manifest }: Backup, signal: AbortSignal): Promise<void> {
  for (const table of manifest.tables) {
    const file = path.join(directory, tableFile(table.name));
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(file, { signal })) hash.update(chunk);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      throw new StartError(`${file} is missing: the backup is not whole, use another one.`, { cause: error });
    }
    if (hash.digest('hex') !== table.sha256) throw damaged(file, `its hash is not that of ${manifestFile}`);
    const rows = await countRows(openRows(directory, table), signal);
    if (rows !== table.rows) throw damaged(file, `it has ${rows} rows and ${manifestFile} says ${table.rows}`);
  }
}

/** The rows of a table as COPY writes them. */
export function openRows(directory: string, table: Pick<TableOfBackup, 'name'>): Readable {
  const file = createReadStream(path.join(directory, tableFile(table.name)));
  const rows = createZstdDecompress();
  file.on('error', (error) => rows.destroy(error));
  rows.on('close', () => file.destroy());
  return file.pipe(rows);
}

const NEWLINE = 0x0a;

/** COPY ends each row with a newline, and writes those within a value otherwise. */
async function countRows(rows: Readable, signal: AbortSignal): Promise<number> {
  let count = 0;
  const counter = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) count += 1;
      done();
    },
  });
  await pipeline(rows, counter, { signal });
  return count;
}
