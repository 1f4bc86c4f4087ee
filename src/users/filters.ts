/** Owns the filters that users have stored. */
import { MatrixError } from '#matrix/error.ts';
import type { Database, ReadTx } from '#storage/database.ts';
import { persistFilter } from '#storage/users/filters.ts';
import { findFilterDefinition } from '#storage/users/find-filter.ts';
import type { SyncFilter } from '#users/sync-filter.ts';

const FILTER_BYTES_MAX = 65_536;

/** Stores a filter and gives its id; the same definition has one id. Throws M_TOO_LARGE. */
export async function createFilter(database: Database, userNid: number, filter: SyncFilter): Promise<string> {
  const definition = JSON.stringify(filter);
  if (Buffer.byteLength(definition) > FILTER_BYTES_MAX) {
    throw new MatrixError('M_TOO_LARGE', `A filter has at most ${FILTER_BYTES_MAX} bytes.`);
  }
  return String(await database.transaction((tx) => persistFilter(tx, userNid, definition)));
}

/** A stored filter of the user, by the id that `createFilter` gave. */
export async function findFilter(db: ReadTx, userNid: number, filterId: string): Promise<SyncFilter | undefined> {
  if (!/^\d{1,15}$/.test(filterId)) return undefined;
  const definition = await findFilterDefinition(db, userNid, Number(filterId));
  if (definition === undefined) return undefined;
  const filter: SyncFilter = JSON.parse(definition);
  return filter;
}
