/** Owns comparing what two backups hold. */
import { createHash } from 'node:crypto';
import { openRows, readBackup } from '#storage/backup/read-backup.ts';

/** By table, how many rows there are and the hash of their text. */
export async function contentOf(directory: string): Promise<Record<string, string>> {
  const { manifest } = await readBackup(directory);
  const content: Record<string, string> = {};
  for (const table of manifest.tables) {
    const hash = createHash('sha256');
    for await (const chunk of openRows(directory, table)) hash.update(chunk);
    content[table.name] = `${table.rows} rows, ${hash.digest('hex')}`;
  }
  return content;
}
