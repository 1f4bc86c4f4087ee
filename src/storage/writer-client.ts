/** Owns the connection that a writer writes on: made when first needed, and again after it broke. */
import type { Logger } from '#core/logger.ts';
import { statement, timeLimits, txOn, type Database, type DatabaseClient } from '#storage/database.ts';

/** Which backend this is; the time of its start as text, since process numbers come again. */
type BackendRow = { pid: number; started: string };
const selectBackend = statement<BackendRow>(
  'select_own_backend',
  `select pid, backend_start::text as started from pg_stat_activity where pid = pg_backend_pid()`,
);
/** Ends a backend if it still is, and waits until it is gone: what it held is then committed or rolled back. */
const endBackend = statement<unknown>(
  'end_backend',
  `select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid = $1 and backend_start::text = $2`,
);

/**
 * How long a writer may hold locks between two of its statements. One that stands still, stopped or out of processor time,
 * would otherwise hold up everybody who sends to its rooms until the limit of other connections; its write is repeated.
 */
const IDLE_MS_MAX = 700;
const limitIdling = `set idle_in_transaction_session_timeout = ${IDLE_MS_MAX}`;

export type WriterClient = AsyncDisposable & {
  /** Connects if need be. Throws when PostgreSQL cannot be reached. */
  get(): Promise<DatabaseClient>;
  /** Gives the connection up: the next `get` makes another. */
  drop(): void;
  /** Ends the backend of the connection given up and waits for it: until then it may still commit. */
  endBackend(database: Database): Promise<void>;
};

/** `pipeline` lets a transaction's last statement and its COMMIT leave together. */
export function createWriterClient(parts: { readonly database: Database; readonly logger: Logger }): WriterClient {
  let client: DatabaseClient | undefined;
  let backend: BackendRow | undefined;
  const connect = async (): Promise<DatabaseClient> => {
    const fresh = parts.database.dedicatedClient({ pipeline: true, ...timeLimits(parts.database.queryMsMax) });
    fresh.on('error', (error) => {
      parts.logger.warn({ err: error }, 'the writer lost its database connection');
      if (client === fresh) client = undefined;
    });
    await fresh.connect();
    // Together, on a connection that pipelines.
    [[backend]] = await Promise.all([txOn(fresh).query(selectBackend, []), fresh.query(limitIdling)]);
    client = fresh;
    return fresh;
  };
  const end = async (): Promise<void> => {
    const old = client;
    client = undefined;
    // A connection that is broken already has nothing left to end.
    await old?.end().catch(() => undefined);
  };
  return {
    get: async () => client ?? connect(),
    drop: () => void end(),
    endBackend: async (database) => {
      if (backend !== undefined) await database.query(endBackend, [backend.pid, backend.started]);
    },
    [Symbol.asyncDispose]: end,
  };
}
