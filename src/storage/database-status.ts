/** Owns reading how large the database is, for the operator: counts of whole tables, so nothing a request asks for. */
import { statement, type ReadTx } from '#storage/database.ts';

export type DatabaseStatus = {
  readonly postgres: string;
  readonly bytes: number;
  readonly users: number;
  readonly rooms: number;
  readonly events: number;
  /** How many other servers are not reached, and those for which that has been so longest, in milliseconds since 1970. */
  readonly failing_servers: number;
  readonly failing_longest: readonly { readonly server_name: string; readonly since: number }[];
};

// The events are as many as PostgreSQL last estimated: counting them would read the largest table.
const selectStatus = statement<DatabaseStatus>(
  'select_database_status',
  `select current_setting('server_version') as postgres, pg_database_size(current_database()) as bytes,
     (select count(*) from accounts where deactivated_at is null) as users,
     (select count(*) from rooms) as rooms,
     (select count(*) from destinations where failing_since is not null) as failing_servers,
     (select coalesce(json_agg(json_build_object('server_name', server_name, 'since', failing_since)), '[]') from (
        select server_name, failing_since from destinations where failing_since is not null
        order by failing_since, server_name limit 5
      ) longest) as failing_longest,
     (select greatest(reltuples, 0)::bigint from pg_class where oid = 'events'::regclass) as events`,
);

/** Throws what the database throws when it is not migrated. */
export async function findDatabaseStatus(db: ReadTx): Promise<DatabaseStatus> {
  const [row] = await db.query(selectStatus, []);
  if (row === undefined) throw new Error('The database says nothing of itself.');
  return row;
}
