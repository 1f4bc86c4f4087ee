/** Owns the row `start`: from starting the process to the first answer, with a new and with a used data directory. */
import type { Row } from '#test/bench/context.ts';

export const start: Row = {
  name: 'start',
  run: async ({ ownServer }) => {
    if (ownServer === undefined) {
      return [{ row: 'start', measured: undefined, unit: 'ms', notes: ['not measured: not our own server'] }];
    }
    // By now the first start lies behind: the benchmark could not have come here without it.
    const first = ownServer.firstStartMs;
    const faults = await ownServer.stop();
    const again = await ownServer.start();
    return [
      { row: 'start-first', measured: first, unit: 'ms' },
      { row: 'start-again', measured: again, unit: 'ms', faults },
    ];
  },
};
