/** Owns which other servers are not reached, since when, and when they are tried again. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

export type FailingServer = {
  readonly serverName: string;
  /** Milliseconds since 1970, as all times of the table. */
  readonly failingSince: number;
  readonly retryAt: number;
};

const upsertFailing = statement<unknown>(
  'upsert_failing_servers',
  `insert into destinations as d (server_name, failing_since, retry_at)
   select * from unnest($1::text[], $2::bigint[], $3::bigint[])
   on conflict (server_name) do update set failing_since = excluded.failing_since, retry_at = excluded.retry_at`,
);
const clearFailing = statement<unknown>(
  'clear_failing_servers',
  'update destinations set failing_since = null, retry_at = null where server_name = any($1::text[])',
);
// 0: whoever sends finds it by the index.
const markHeard = statement<unknown>(
  'mark_server_heard',
  'update destinations set retry_at = 0 where server_name = $1 and failing_since is not null and retry_at > 0',
);
const selectHeard = statement<{ server_name: string }>(
  'select_servers_heard',
  'select server_name from destinations where retry_at = 0 limit $1',
);
// Looks through all servers ever met: when a process takes the sending over, and when an operator asks.
const selectFailing = statement<FailingServer>(
  'select_failing_servers',
  `select server_name as "serverName", failing_since as "failingSince", coalesce(retry_at, 0) as "retryAt"
   from destinations where failing_since is not null order by failing_since, server_name`,
);

export async function persistFailing(tx: Tx, servers: readonly FailingServer[]): Promise<void> {
  if (servers.length === 0) return;
  await tx.query(upsertFailing, [
    servers.map(({ serverName }) => serverName),
    servers.map(({ failingSince }) => failingSince),
    servers.map(({ retryAt }) => retryAt),
  ]);
}

export async function persistReached(tx: Tx, serverNames: readonly string[]): Promise<void> {
  if (serverNames.length > 0) await tx.query(clearFailing, [serverNames]);
}

/** A server that is not reached has spoken to this one: the process that sends is to try it at once. */
export async function persistHeard(db: ReadTx, serverName: string): Promise<void> {
  await db.query(markHeard, [serverName]);
}

export async function findHeard(db: ReadTx, limit: number): Promise<string[]> {
  return (await db.query(selectHeard, [limit])).map((row) => row.server_name);
}

/** Those that have failed longest first. */
export function findFailing(db: ReadTx): Promise<FailingServer[]> {
  return db.query(selectFailing, []);
}
