/** Owns what of messages to devices the sender puts into transactions to other servers. */
import type { DurableEdus } from '#federation/sender/edu-source.ts';
import type { ReadTx } from '#storage/database.ts';
import { findServersWaitedFor, findWaitingMessages } from '#storage/streams/find-outbox.ts';
import type { Streams } from '#streams/streams.ts';
import { deleteMessagesTo } from '#streams/to-device-queue.ts';
import { takeFitting } from '#users/remote/take-fitting.ts';

/** Messages that wait for other servers' devices, in the order in which they were sent. */
export function toDeviceEdus({
  database,
  streams,
}: {
  readonly database: ReadTx;
  readonly streams: Pick<Streams, 'toDevice'>;
}): DurableEdus {
  return {
    position: 'toDevice',
    horizon: () => streams.toDevice.horizon,
    findServers: (after) => findServersWaitedFor(database, after),
    findEdus: async (serverName, after, bound) => {
      await deleteMessagesTo(database, serverName);
      const waiting = await findWaitingMessages(database, serverName, after, bound.countMax + 1);
      const edus = waiting.map(({ pos, edu }) => ({ pos, json: `{"edu_type":"m.direct_to_device","content":${edu}}` }));
      return takeFitting(edus, after, bound);
    },
  };
}
