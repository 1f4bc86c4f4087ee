/** Owns the row `own`: forty senders, each in a room of its own. */
import { inParallel, elementAt, type Row } from '#test/bench/context.ts';
import { makeRoom, measureSends } from '#test/bench/rows/send-load.ts';

export const own: Row = {
  name: 'own',
  needsFloor: true,
  run: async (context) => {
    const clients = await context.makeUsers(40);
    const senders = await inParallel(clients.length, 10, async (index) => {
      const client = elementAt(clients, index);
      return { client, roomId: await makeRoom(client, []) };
    });
    return [await measureSends(context, 'own', senders)];
  },
};
