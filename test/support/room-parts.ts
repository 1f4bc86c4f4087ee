/** Owns a persister on a database of its own, for tests of the event graph that need no HTTP. */
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { generateSigningKey } from '#matrix/signing-keys.ts';
import { createEventPersister, type PersistParts } from '#rooms/persist-event.ts';
import { roomProjections } from '#rooms/projections/room-projections.ts';
import { openDatabase, type Database } from '#storage/database.ts';
import { createInterned } from '#storage/interned.ts';
import { migrate } from '#storage/migrations.ts';
import { createNidAllocator } from '#storage/nid-allocator.ts';
import { createStateTries } from '#storage/rooms/state-tries.ts';
import type { EventFact } from '#streams/event-fact.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/test-database.ts';

const logger = createLogger('error');

/** Of the slots of state tries: whoever reads what was written has to know it. */
export const trieSecret = 7;

/** The limits that a server has unless it is told otherwise. */
export const roomLimits = {
  batchRoomsMax: 64,
  batchEventsMax: 200,
  batchBytesMax: 2_000_000,
  queueRoomsMax: 5_000,
  queueEventsMax: 10_000,
  queueBytesMax: 64 * 1024 * 1024,
  queueMsMax: 15_000,
};

export function createMigratedDatabase(): Promise<TestDatabase> {
  return createTestDatabase(async (connection) => void (await migrate(connection)), 'migrated_template');
}

/** Everything that one process has for writing events; several on one database are several processes. */
export async function createRoomParts(on: TestDatabase, overrides: Partial<PersistParts> = {}) {
  const resources = new AsyncDisposableStack();
  const database: Database = resources.use(openDatabase(on.connection, { poolSize: 5, logger }));
  const nids = createNidAllocator(database);
  const interned = createInterned(database);
  const tries = createStateTries({ nids, secret: trieSecret });
  const facts: EventFact[] = [];
  const isLocal = overrides.isLocal ?? ((id: string): boolean => serverNameOf(id) === 'hs1.test');
  const parts: PersistParts = {
    database,
    clock: systemClock,
    logger,
    nids,
    interned,
    tries,
    signer: { serverName: 'hs1.test', key: generateSigningKey('t') },
    isLocal,
    limits: roomLimits,
    projections: roomProjections({ interned, tries, clock: systemClock, isLocal }),
    committed: (commit) => void facts.push(...commit.facts),
    ...overrides,
  };
  const { persistEvents, loads } = resources.use(createEventPersister(parts));
  return { ...parts, persistEvents, loads, facts, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}
