/** Owns the statements of the channel on which processes wake each other. */
import type { Database } from '#storage/database.ts';

export type ChannelClient = ReturnType<Database['dedicatedClient']>;

const eventChannel = 'causeway_events';

/** Makes the connection hear the channel, until it ends. */
export async function listenForEvents(client: ChannelClient): Promise<void> {
  await client.query(`listen ${eventChannel}`);
}

/** Outside any transaction: one that holds the stream's lock would pass NOTIFY's cluster-wide lock on through its fsync. */
export async function notifyOfEvents(client: ChannelClient, payload: string): Promise<void> {
  await client.query({ name: 'notify_of_events', text: 'select pg_notify($1, $2)', values: [eventChannel, payload] });
}
