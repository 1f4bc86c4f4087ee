/** Owns the statements of the channel on which processes wake each other, and its name elsewhere. */
import { statement, type Database, type ReadTx } from '#storage/database.ts';
import { findDatabaseIdentity } from '#storage/streams/token-epochs.ts';

type ChannelClient = ReturnType<Database['dedicatedClient']>;

const eventChannel = 'causeway_events';

/** Makes the connection hear the channel, until it ends. */
export async function listenForEvents(client: ChannelClient): Promise<void> {
  await client.query(`listen ${eventChannel}`);
}

/** Outside any transaction: one that holds the stream's lock would pass NOTIFY's cluster-wide lock on through its fsync. */
export async function notifyOfEvents(client: ChannelClient, payload: string): Promise<void> {
  await client.query({ name: 'notify_of_events', text: 'select pg_notify($1, $2)', values: [eventChannel, payload] });
}

const databaseNumber = statement<{ oid: number }>(
  'find_database_number',
  'select oid::bigint as oid from pg_database where datname = current_database()',
);

/** The channel's name where servers over other databases are too: the same for every process over this database. */
export async function findChannelName(db: ReadTx): Promise<string> {
  const { systemIdentifier } = await findDatabaseIdentity(db);
  const [own] = await db.query(databaseNumber, []);
  return `causeway:${systemIdentifier}:${own?.oid ?? 0}`;
}
