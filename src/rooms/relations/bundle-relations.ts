/** Owns the aggregations of child events that are bundled with an event: edits, references and threads. */
import { canonicalString } from '#matrix/canonical-json.ts';
import type { JudgedEvent } from '#rooms/event-visibility.ts';
import { renderEvent, type RenderOptions } from '#rooms/render-events.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventsByNids, type StoredEvent } from '#storage/rooms/find-events.ts';
import { findAggregations, findParents, type Aggregation } from '#storage/rooms/find-relations.ts';
import { findUserNids } from '#storage/users/find-ignored.ts';

/** An event that is about to be shown. */
export type Parent = Pick<StoredEvent, 'eventId' | 'stateKey'> & {
  readonly isRedacted: boolean;
  /** Children of this order or above do not count: what was sent after the reader left. */
  readonly before: number;
};

/** What a visibility check needs to know of an event. */
export type Child = Pick<StoredEvent, 'roomNid' | 'eventId'> & JudgedEvent;

export type BundleReader = {
  readonly userNid: number;
  /** Users whose children do not count. */
  readonly ignored: ReadonlySet<string>;
  /** Those of the events that the reader may see. */
  readonly selectVisible: <T extends Child>(events: readonly T[]) => Promise<readonly T[]>;
  /** How children in a room are shown. */
  readonly optionsOf: (roomNid: number) => RenderOptions;
};

/**
 * By event id the text of the object that `unsigned` has under `m.relations`; events without children are left out. The
 * events may be of several rooms. A page without relations costs one query, one with relations at most nine, whatever
 * its length.
 * Specification: Client-Server API, "Aggregations of child events".
 */
export async function bundleRelations(
  database: ReadTx,
  reader: BundleReader,
  events: readonly Parent[],
): Promise<ReadonlyMap<string, string>> {
  const parents = await selectParents(database, events);
  if (parents.length === 0) return new Map();
  return bundle(database, { ...reader, ignoredNids: await findUserNids(database, reader.ignored) }, parents, true);
}

type Terms = BundleReader & { readonly ignoredNids: readonly number[] };

/** State has no aggregations. */
async function selectParents(database: ReadTx, events: readonly Parent[]): Promise<readonly Parent[]> {
  const candidates = events.filter((event) => event.stateKey === undefined);
  const ids = new Set(
    await findParents(
      database,
      candidates.map((event) => event.eventId),
    ),
  );
  return ids.size === 0 ? [] : candidates.filter((event) => ids.has(event.eventId));
}

async function bundle(
  database: ReadTx,
  terms: Terms,
  parents: readonly Parent[],
  withThreads: boolean,
): Promise<ReadonlyMap<string, string>> {
  const aggregations = await findAggregations(database, { ...terms, parents });
  const redacted = new Set(parents.filter((parent) => parent.isRedacted).map((parent) => parent.eventId));
  const edits = aggregations.flatMap(({ parentId, editNid }) => (redacted.has(parentId) ? [] : (editNid ?? [])));
  const threads = withThreads ? aggregations.flatMap(({ thread }) => thread?.latestNid ?? []) : [];
  const loaded = await findEventsByNids(database, [...edits, ...threads]);
  const visible = new Map((await terms.selectVisible(loaded)).map((event) => [event.eventNid, event]));
  const nested = withThreads ? await bundleNested(database, terms, parents, aggregations, visible) : none;
  const references = await visibleReferences(terms, aggregations);
  const bundles = new Map<string, string>();
  for (const { parentId, roomNid, editNid, thread } of aggregations) {
    const options = terms.optionsOf(roomNid);
    const parts: string[] = [];
    const edit = redacted.has(parentId) || editNid === undefined ? undefined : visible.get(editNid);
    if (edit !== undefined) parts.push(`"m.replace":${renderEvent(edit, options)}`);
    const chunk = references.get(parentId);
    if (chunk !== undefined) parts.push(`"m.reference":{"chunk":[${chunk}]}`);
    const latest = withThreads && thread !== undefined ? visible.get(thread.latestNid) : undefined;
    if (thread !== undefined && latest !== undefined) {
      const latestJson = renderEvent(latest, { ...options, relations: nested });
      parts.push(
        `"m.thread":{"latest_event":${latestJson},"count":${thread.count},` +
          `"current_user_participated":${thread.hasParticipated}}`,
      );
    }
    if (parts.length > 0) bundles.set(parentId, `{${parts.join(',')}}`);
  }
  return bundles;
}

const none: ReadonlyMap<string, string> = new Map();

/** What belongs to the newest events of threads. Threads within threads, which the rules exclude, end here. */
async function bundleNested(
  database: ReadTx,
  terms: Terms,
  parents: readonly Parent[],
  aggregations: readonly Aggregation[],
  visible: ReadonlyMap<number, StoredEvent>,
): Promise<ReadonlyMap<string, string>> {
  const beforeOf = new Map(parents.map(({ eventId, before }) => [eventId, before]));
  const latest = aggregations.flatMap(({ parentId, thread }): Parent[] => {
    const event = thread === undefined ? undefined : visible.get(thread.latestNid);
    if (event === undefined) return [];
    const { eventId, stateKey, redaction } = event;
    return [{ eventId, stateKey, isRedacted: redaction !== undefined, before: beforeOf.get(parentId) ?? 0 }];
  });
  const nested = await selectParents(database, latest);
  return nested.length === 0 ? none : bundle(database, terms, nested, false);
}

/** By parent the list of the references that the reader may see. */
async function visibleReferences(
  terms: Terms,
  aggregations: readonly Aggregation[],
): Promise<ReadonlyMap<string, string>> {
  const children = aggregations.flatMap(({ parentId, roomNid, references }) =>
    // Only of state events does the text decide who sees them.
    references.map((each) => ({ ...each, ...stateless, parentId, roomNid })),
  );
  if (children.length === 0) return none;
  const visible = Map.groupBy(await terms.selectVisible(children), ({ parentId }) => parentId);
  return new Map(
    Array.from(visible, ([parentId, own]) => [
      parentId,
      own.map(({ eventId }) => `{"event_id":${canonicalString(eventId)}}`).join(','),
    ]),
  );
}

const stateless = { type: '', stateKey: undefined, json: '{}', redaction: undefined } as const;
