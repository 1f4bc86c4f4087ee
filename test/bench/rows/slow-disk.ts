/** Owns the row `ten-slow-disk`: ten senders in one room on a disk that takes 2 ms longer for each fsync. */
import { Client, type ClientConfig } from 'pg';
import type { Row } from '#test/bench/context.ts';
import { measureSends, tenInOneRoom } from '#test/bench/rows/send-load.ts';

/** Microseconds that PostgreSQL waits before it flushes the WAL of a commit. */
const delayUs = 2000;

export const slowDisk: Row = {
  name: 'ten-slow-disk',
  run: async (context) => {
    const connection = context.ownServer === undefined ? undefined : context.database?.();
    if (connection === undefined) {
      const notes = ['needs a server that the benchmark starts, with its embedded PostgreSQL'];
      return [{ row: 'ten-slow-disk', measured: undefined, unit: '/s', notes }];
    }
    const senders = await tenInOneRoom(context);
    const superuser = { ...connection, user: 'postgres' };
    await setDelay(superuser, delayUs);
    try {
      return [await measureSends(context, 'ten-slow-disk', senders)];
    } finally {
      await setDelay(superuser, 0);
    }
  },
};

/** `commit_siblings` of 0: also where no other transaction is under way. */
async function setDelay(connection: ClientConfig, us: number): Promise<void> {
  const client = new Client(connection);
  await client.connect();
  try {
    await client.query(`alter system set commit_delay = ${us}`);
    await client.query('alter system set commit_siblings = 0');
    await client.query('select pg_reload_conf()');
  } finally {
    await client.end();
  }
}
