/** Owns the row `ten`: ten senders at once in one room. */
import type { Row } from '#test/bench/context.ts';
import { measureSends, tenInOneRoom } from '#test/bench/rows/send-load.ts';

export const ten: Row = {
  name: 'ten',
  needsFloor: true,
  run: async (context) => [await measureSends(context, 'ten', await tenInOneRoom(context))],
};
