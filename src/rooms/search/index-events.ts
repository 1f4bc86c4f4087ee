/** Owns putting events into the search index, in the background, in the order of the stream. */
import { nextTurn } from '#core/pieces.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { contentJsonOf } from '#matrix/client-event.ts';
import { lexemesOf, roomLexeme } from '#rooms/search/lexemes.ts';
import { searchableText, searchableTypes, searchKinds } from '#rooms/search/searchable.ts';
import type { Database } from '#storage/database.ts';
import type { IsOwner } from '#storage/lease-holder.ts';
import {
  findIndexable,
  persistIndexRows,
  persistUnindexed,
  type IndexableEvent,
  type IndexRow,
} from '#storage/rooms/search-index.ts';
import { persistCursor } from '#storage/stream-cursors.ts';
import { CursorLoop } from '#streams/cursor-loop.ts';

const WORK_NAME = 'search';
/** Few, so that no message waits long behind the commit of a step. */
const EVENTS_OF_STEP_MAX = 100;
/** How many texts are cut in one turn of the event loop. */
const TEXTS_OF_TURN_MAX = 10;

export type SearchIndexer = CursorLoop;

/** Begins where the last process stopped, which is the first event if there was none. */
export function startSearchIndexer(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly horizon: () => number;
}): SearchIndexer {
  return new CursorLoop(parts, {
    name: WORK_NAME,
    step: (after, isOwner) => indexEvents(parts.database, after, isOwner),
  });
}

/** Indexes the next events and takes out what was redacted. Rooms with encryption are left out. */
async function indexEvents(database: Database, after: number, isOwner: IsOwner): Promise<number | undefined> {
  const events = await findIndexable(database, after, EVENTS_OF_STEP_MAX, [...searchableTypes.keys()]);
  const last = events.at(-1);
  if (last === undefined) return after;
  const rows: IndexRow[] = [];
  for (const [index, event] of events.entries()) {
    const row = rowOf(event);
    if (row !== undefined) rows.push(row);
    if (index % TEXTS_OF_TURN_MAX === 0) await nextTurn();
  }
  const redacted = events.flatMap(({ redacts }) => redacts ?? []);
  return database.transaction(async (tx) => {
    if (!(await isOwner(tx)) || !(await persistCursor(tx, WORK_NAME, after, last.pos))) return undefined;
    await persistIndexRows(tx, rows);
    await persistUnindexed(tx, redacted);
    return last.pos;
  });
}

function rowOf(event: IndexableEvent): IndexRow | undefined {
  const key = searchableTypes.get(event.type);
  if (key === undefined || event.json === null || event.is_encrypted || event.is_redacted) return undefined;
  const lexemes = lexemesOf(searchableText(key, JSON.parse(contentJsonOf(event.json))));
  if (lexemes.length === 0) return undefined;
  return {
    eventNid: event.event_nid,
    roomNid: event.room_nid,
    roomOrder: event.room_order,
    kind: searchKinds[key],
    originServerTs: event.origin_server_ts,
    // PostgreSQL's text holds no U+0000.
    lexemes: lexemes.map((lexeme) => roomLexeme(event.room_nid, lexeme.replaceAll('\0', ''))),
  };
}
