/** Owns the row `empty-sync`: one client asking again and again for news that there are not. */
import { runClosedLoop } from '#test/bench/closed-loop.ts';
import { counted, elementAt, type Row } from '#test/bench/context.ts';
import { percentile } from '#test/bench/recorder.ts';
import { makeRoom } from '#test/bench/rows/send-load.ts';

export const emptySync: Row = {
  name: 'empty-sync',
  run: async (context) => {
    const client = elementAt(await context.makeUsers(1), 0);
    for (let count = 0; count < 10; count += 1) await makeRoom(client, []);
    let since = (await client.sync({ timeout: '0' })).next_batch;
    let withRooms = 0;
    const loop = await runClosedLoop({
      workers: 1,
      seconds: context.seconds,
      warmUpSeconds: context.seconds / 4,
      signal: context.signal,
      serverProcesses: context.serverProcesses,
      step: async () => {
        const answer = await client.sync({ since, timeout: '0' });
        since = answer.next_batch;
        if (Object.keys(answer.rooms?.join ?? {}).length > 0) withRooms += 1;
        return true;
      },
    });
    return [
      {
        row: 'empty-sync',
        measured: loop.perSecond,
        unit: '/s',
        p50Ms: percentile(loop.recorder.latenciesMs, 0.5),
        p99Ms: percentile(loop.recorder.latenciesMs, 0.99),
        ...counted(loop.recorder),
        // The tail of the preparation may still come; more than that is a server repeating itself.
        faults: withRooms > 1 ? [`${withRooms} responses had rooms in them although nothing had happened`] : [],
        cpu: loop.cpu,
      },
    ];
  },
};
