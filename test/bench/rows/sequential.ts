/** Owns the row `sequential`: one sender in one room, each message after the answer to the last. */
import { elementAt, type Row } from '#test/bench/context.ts';
import { makeRoom, measureSends } from '#test/bench/rows/send-load.ts';

export const sequential: Row = {
  name: 'sequential',
  needsFloor: true,
  run: async (context) => {
    const client = elementAt(await context.makeUsers(1), 0);
    const roomId = await makeRoom(client, []);
    return [await measureSends(context, 'sequential', [{ client, roomId }])];
  },
};
