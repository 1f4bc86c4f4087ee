/** Owns wake-ups by PostgreSQL: LISTEN and NOTIFY on a connection of their own. */
import type { Database } from '#storage/database.ts';
import { listenForEvents, notifyOfEvents } from '#storage/streams/event-channel.ts';
import type { Carrier, Channel, ChannelListeners } from '#streams/wake-ups/channel.ts';

type ClientMaker = Pick<Database, 'dedicatedClient'>;

/** A database has its own channels, so that servers over other databases of the same PostgreSQL hear nothing. */
export function postgresCarrier(database: ClientMaker): Carrier {
  return { name: 'postgresql', open: (listeners) => openPostgresChannel(database, listeners) };
}

async function openPostgresChannel(
  database: ClientMaker,
  { onMessage, onLost }: Pick<ChannelListeners, 'onMessage' | 'onLost'>,
): Promise<Channel> {
  const client = database.dedicatedClient({ application_name: 'causeway wake-ups' });
  const end = (): Promise<void> => client.end().catch(() => undefined);
  client.on('error', onLost);
  client.on('end', () => onLost(new Error('The connection was closed.')));
  client.on('notification', ({ payload }) => onMessage(payload ?? ''));
  try {
    await client.connect();
    await listenForEvents(client);
  } catch (error) {
    void end();
    throw error;
  }
  return { publish: (text) => notifyOfEvents(client, text), [Symbol.asyncDispose]: end };
}
