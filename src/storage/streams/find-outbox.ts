/** Owns reading the messages that wait for devices of other servers. */
import { statement, type ReadTx } from '#storage/database.ts';

export type WaitingMessage = {
  readonly pos: number;
  /** The content of an `m.direct_to_device` EDU, as JSON text. */
  readonly edu: string;
};

const selectWaiting = statement<WaitingMessage>(
  'select_to_device_outbox',
  'select pos, edu from to_device_outbox where server_name = $1 and pos > $2 order by pos limit $3',
);

/** What waits for a server after a position, oldest first. */
export function findWaitingMessages(
  db: ReadTx,
  serverName: string,
  after: number,
  limit: number,
): Promise<WaitingMessage[]> {
  return db.query(selectWaiting, [serverName, after, limit]);
}

const selectServers = statement<{ server_name: string }>(
  'select_servers_of_outbox',
  'select distinct server_name from to_device_outbox where pos > $1',
);

/** The servers for which something lies beyond a position. */
export async function findServersWaitedFor(db: ReadTx, after: number): Promise<string[]> {
  return (await db.query(selectServers, [after])).map((row) => row.server_name);
}
