/** Owns the row `ten`: ten senders at once in one room. */
import { elementAt, type Row } from '#test/bench/context.ts';
import { makeRoom, measureSends } from '#test/bench/rows/send-load.ts';

export const ten: Row = {
  name: 'ten',
  needsFloor: true,
  run: async (context) => {
    const clients = await context.makeUsers(10);
    const roomId = await makeRoom(elementAt(clients, 0), clients.slice(1));
    return [
      await measureSends(
        context,
        'ten',
        clients.map((client) => ({ client, roomId })),
      ),
    ];
  },
};
