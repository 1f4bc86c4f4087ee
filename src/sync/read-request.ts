/** Owns reading the parameters of a sync that need more than their text: the token and the filter. */
import { BoundedMap } from '#core/bounded-map.ts';
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { findFilterDefinition } from '#storage/streams/find-user-rooms.ts';
import type { Streams } from '#streams/streams.ts';
import { parseSyncToken, type StreamPositions } from '#streams/sync-token.ts';
import { readSyncFilter, type SyncFilter } from '#sync/sync-filter.ts';

/** Before everything. */
const START: StreamPositions = [0, 0, 0, 0, 0];

/**
 * The positions that a token means, which this process has read up to when it resolves. Another process may be ahead,
 * whose token works here at once. A token that only another life of this database can have given, from before an earlier
 * state of it came back, means the very beginning: its client is told everything, where a refusal would be repeated for
 * ever. Throws M_INVALID_PARAM for what is no token.
 */
export async function requireSince(streams: Streams, token: string): Promise<StreamPositions> {
  const parsed = parseSyncToken(token);
  if (parsed === undefined) {
    throw new MatrixError('M_INVALID_PARAM', 'This since token is not one that this server has given.');
  }
  if (streams.positionsInEpoch(parsed) === undefined) await streams.refreshEpochs();
  const positions = streams.positionsInEpoch(parsed) ?? START;
  const isAhead = (): boolean => positions.some((pos, index) => pos > (streams.horizons[index] ?? 0));
  if (isAhead()) await streams.catchUp();
  return isAhead() ? START : positions;
}

// Clients repeat their filter with every request, and the definition behind an id never changes.
const readFilters = new BoundedMap<string, SyncFilter>({ sizeMax: 1_000 });
const storedFilters = new WeakMap<ReadTx, BoundedMap<string, string>>();
const FILTER_LENGTH_CACHED_MAX = 4_096;

/**
 * The filter that the parameter gives inline, if it starts with a brace, or names by its id.
 * Throws M_BAD_JSON for one that cannot be read, M_INVALID_PARAM for an id that the user has not stored.
 */
export async function requireFilter(
  database: ReadTx,
  userNid: number,
  parameter: string | undefined,
): Promise<SyncFilter> {
  const json = await requireDefinition(database, userNid, parameter ?? '{}');
  const cached = readFilters.get(json);
  if (cached !== undefined) return cached;
  const verdict = readSyncFilter(json);
  if (!verdict.ok) throw new MatrixError('M_BAD_JSON', verdict.reason);
  if (json.length <= FILTER_LENGTH_CACHED_MAX) readFilters.set(json, verdict.filter);
  return verdict.filter;
}

async function requireDefinition(database: ReadTx, userNid: number, parameter: string): Promise<string> {
  if (parameter.startsWith('{')) return parameter;
  let stored = storedFilters.get(database);
  if (stored === undefined) storedFilters.set(database, (stored = new BoundedMap({ sizeMax: 10_000 })));
  const key = `${userNid} ${parameter}`;
  const cached = stored.get(key);
  if (cached !== undefined) return cached;
  const isNumber = /^\d{1,15}$/.test(parameter);
  const definition = isNumber ? await findFilterDefinition(database, userNid, Number(parameter)) : undefined;
  if (definition === undefined) {
    throw new MatrixError('M_INVALID_PARAM', 'The filter is neither JSON nor the id of a filter that you have stored.');
  }
  stored.set(key, definition);
  return definition;
}
