/** Owns the row `rooms`: createRoom by ten users at once. */
import { elementAt, type Row } from '#test/bench/context.ts';
import { measureMemberships } from '#test/bench/rows/membership.ts';

export const rooms: Row = {
  name: 'rooms',
  run: async (context) => {
    const clients = await context.makeUsers(10);
    const measurement = await measureMemberships(context, 'rooms', context.seconds / 4, async (worker) => {
      const client = elementAt(clients, worker);
      return { client, roomId: await client.createRoom({ preset: 'private_chat', name: 'A room of the benchmark' }) };
    });
    return [measurement];
  },
};
