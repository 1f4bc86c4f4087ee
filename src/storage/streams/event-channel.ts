/** Owns the statements of the channel on which processes wake each other. */
import type { Client } from 'pg';

export const eventChannel = 'causeway_events';

/** Makes the connection hear the channel, until it ends. */
export async function listenForEvents(client: Client): Promise<void> {
  await client.query(`listen ${eventChannel}`);
}

/** Outside any transaction: one that holds the stream's lock would pass NOTIFY's cluster-wide lock on through its fsync. */
export async function notifyOfEvents(client: Client, payload: string): Promise<void> {
  await client.query({ name: 'notify_of_events', text: 'select pg_notify($1, $2)', values: [eventChannel, payload] });
}
