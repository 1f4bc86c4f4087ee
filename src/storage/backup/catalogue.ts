/** Owns which tables and sequences of a database belong into a backup. */
import { escapeIdentifier, type Client } from 'pg';

/** The program's list of migrations is in the manifest; who holds which lease dies with the processes. */
const leftOut = ['mikro_orm_migrations', 'leases', 'restore_in_progress'];
const sequencesLeftOut = ['mikro_orm_migrations_id_seq'];

/** What an operator's extensions have brought along is not ours. `c` is the row of `pg_class`. */
export const notOfExtension = `not exists (
  select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e')`;

export type CatalogueTable = { readonly name: string; readonly columns: readonly string[] };

/**
 * All tables with their columns, by name. Unlogged ones are not among them: who is typing and who is there is forgotten in
 * a crash as well. They are listed by the database itself, so that a new table cannot be forgotten here.
 */
export async function readTables(client: Client): Promise<readonly CatalogueTable[]> {
  const { rows } = await client.query<CatalogueTable>(
    `select relname::text as name,
       array(select attname::text from pg_attribute
         where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = ''
         order by attname) as columns
     from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname = current_schema() and relkind = 'r' and relpersistence = 'p' and relname <> all($1)
       and ${notOfExtension}
     order by relname`,
    [leftOut],
  );
  return rows;
}

export type CatalogueSequence = { readonly name: string; readonly last_value: number };

/**
 * The sequences that have given a value, with the last one. A sequence stands outside of snapshots: what is read after the
 * snapshot was taken is at least what its rows have used, which is all that matters.
 */
export async function readSequences(client: Client): Promise<readonly CatalogueSequence[]> {
  const { rows } = await client.query<CatalogueSequence>(
    `select sequencename::text as name, last_value from pg_sequences
     where schemaname = current_schema() and last_value is not null and sequencename <> all($1)
     order by sequencename`,
    [sequencesLeftOut],
  );
  return rows;
}

/** A table and its columns as COPY names them. */
export function copyTarget({ name, columns }: CatalogueTable): string {
  return `${escapeIdentifier(name)} (${columns.map((column) => escapeIdentifier(column)).join(', ')})`;
}
