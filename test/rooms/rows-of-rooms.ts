/** Owns looking at the rows of rooms in whatever tables the schema has, so that no new table is forgotten. */
import assert from 'node:assert/strict';
import { statement, type Database } from '#storage/database.ts';

/** Reports are for the operator to read; room keys that users have backed up are theirs, whatever becomes of the room. */
const keptBeyondTheRoom: ReadonlySet<string> = new Set(['reports', 'backup_keys']);

type Column = {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  /** Whether a row can be inserted without it. */
  readonly isOptional: boolean;
};
export type Room = { readonly roomNid: number; readonly roomId: string };

const selectColumns = statement<Column>(
  'test_select_columns',
  `select table_name::text as table, column_name::text as column, data_type::text as type,
     is_nullable = 'YES' or column_default is not null or is_identity = 'YES' as "isOptional"
   from information_schema.columns join information_schema.tables using (table_schema, table_name)
   where table_schema = 'public' and table_type = 'BASE TABLE' order by table_name, ordinal_position`,
);

/** A statement that is only run once. */
export function once<Row>(text: string) {
  return statement<Row>('', text);
}

/** Every table with a column that says of which room a row is, by name. */
export async function tablesOfRooms(database: Database): Promise<ReadonlyMap<string, readonly Column[]>> {
  const columns = await database.query(selectColumns, []);
  const byTable = Map.groupBy(columns, ({ table }) => table);
  return new Map(
    [...byTable].filter(([table, own]) => !keptBeyondTheRoom.has(table) && own.some(({ column }) => isRoom(column))),
  );
}

const isRoom = (column: string): boolean => column === 'room_nid' || column === 'room_id';

function conditionOf(columns: readonly Column[], { roomNid, roomId }: Room): string {
  return columns.some(({ column }) => column === 'room_nid') ? `room_nid = ${roomNid}` : `room_id = '${roomId}'`;
}

/** The rows of a room by table, each as text, in a fixed order. */
export async function rowsOfRoom(database: Database, room: Room): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const [table, columns] of await tablesOfRooms(database)) {
    const sql = `select t::text as text from ${table} t where ${conditionOf(columns, room)} order by 1`;
    const rows = await database.query(once<{ text: string }>(sql), []);
    found.set(
      table,
      rows.map(({ text }) => text),
    );
  }
  return found;
}

/** The rows that hang on the room's events, by table and column. */
export async function rowsOfEvents(database: Database, eventNids: readonly number[]): Promise<Map<string, number>> {
  const columns = (await database.query(selectColumns, [])).filter(
    ({ table, column }) => ['event_nid', 'prev_nid', 'redaction_nid'].includes(column) && !goByAge.has(table),
  );
  const counts = new Map<string, number>();
  for (const { table, column } of columns) {
    const sql = `select count(*)::int as count from ${table} where ${column} = any($1::bigint[])`;
    const [row] = await database.query(once<{ count: number }>(sql), [eventNids]);
    counts.set(`${table}.${column}`, row?.count ?? 0);
  }
  return counts;
}

/** A replay key without its event is worth nothing, and goes when it is a day old. */
const goByAge: ReadonlySet<string> = new Set(['replay_keys', ...keptBeyondTheRoom]);

export async function eventsOfRoom(database: Database, { roomNid }: Room): Promise<number[]> {
  const rows = await database.query(once<{ event_nid: number }>('select event_nid from events where room_nid = $1'), [
    roomNid,
  ]);
  return rows.map((row) => row.event_nid);
}

export async function countOfTables(database: Database): Promise<ReadonlyMap<string, number>> {
  const names = new Set((await database.query(selectColumns, [])).map(({ table }) => table));
  const counts = new Map<string, number>();
  for (const table of names) {
    const [row] = await database.query(once<{ count: number }>(`select count(*)::int as count from ${table}`), []);
    counts.set(table, row?.count ?? 0);
  }
  return counts;
}

export async function requireStoredRoom(database: Database, roomId: string): Promise<Room> {
  const [row] = await database.query(
    once<Room>('select room_nid as "roomNid", room_id as "roomId" from rooms where room_id = $1'),
    [roomId],
  );
  assert.ok(row, roomId);
  return row;
}

let made = 1_000_000_000;

/** Gives the room a row in every table that says of which room a row is and has none of it, made up where need be. */
export async function fillTables(database: Database, room: Room): Promise<void> {
  const rows = await rowsOfRoom(database, room);
  const [eventNid] = await eventsOfRoom(database, room);
  for (const [table, columns] of await tablesOfRooms(database)) {
    if ((rows.get(table)?.length ?? 0) > 0) continue;
    const needed = columns.filter(({ column, isOptional }) => isRoom(column) || !isOptional);
    const values = needed.map(({ column, type }) => {
      if (column === 'room_nid') return String(room.roomNid);
      if (column === 'redaction_nid') return String(eventNid);
      return column === 'room_id' ? `'${room.roomId}'` : valueOf(type);
    });
    const names = needed.map(({ column }) => column);
    await database.query(once<never>(`insert into ${table} (${names.join()}) values (${values.join()})`), []);
  }
}

function valueOf(type: string): string {
  made += 1;
  if (type === 'bigint') return String(made);
  if (type === 'integer' || type === 'smallint') return '1';
  if (type === 'boolean') return 'false';
  if (type === 'ARRAY') return `'{}'`;
  if (type === 'bytea') return `'\\x01'`;
  if (type === 'tsvector') return `''`;
  assert.equal(type, 'text', 'a type of which no value is known');
  return `'made up ${made}'`;
}
