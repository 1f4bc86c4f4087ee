/** Owns the row `joins`: ten users at once joining public rooms. */
import { elementAt, inParallel, type Row } from '#test/bench/context.ts';
import { measureMemberships } from '#test/bench/rows/membership.ts';

const usersPerWorker = 5;
const roomCount = 200;

export const joins: Row = {
  name: 'joins',
  run: async (context) => {
    const creator = elementAt(await context.makeUsers(1), 0);
    const roomIds = await inParallel(roomCount, 1, () => creator.createRoom({ preset: 'public_chat' }));
    const clients = await context.makeUsers(10 * usersPerWorker);
    const nextOf = Array.from({ length: 10 }, () => 0);
    // One tenth of what is there to join warms up; a fast server runs out of it before the time is over.
    const measurement = await measureMemberships(
      context,
      'joins',
      Math.min(0.5, context.seconds / 10),
      async (worker) => {
        const next = elementAt(nextOf, worker);
        nextOf[worker] = next + 1;
        const client = clients[worker * usersPerWorker + Math.floor(next / roomCount)];
        if (client === undefined || next >= usersPerWorker * roomCount) return false;
        // Workers begin at different rooms, so that they meet in a room now and then, as people do.
        const roomId = elementAt(roomIds, (next + (worker * roomCount) / 10) % roomCount);
        await client.join(roomId);
        return { client, roomId };
      },
    );
    return [measurement];
  },
};
