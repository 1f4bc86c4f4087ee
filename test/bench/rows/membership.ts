/** Owns what `rooms` and `joins` share: a timed loop, then the question to each user which rooms they are in. */
import { runClosedLoop } from '#test/bench/closed-loop.ts';
import { type BenchContext, counted, type Measurement } from '#test/bench/context.ts';
import type { MatrixClient } from '#test/bench/matrix-client.ts';
import { percentile } from '#test/bench/recorder.ts';

/** What a worker got acknowledged: this user is in this room. */
export type Joined = { client: MatrixClient; roomId: string };

/** Ten workers; `step` does one request and tells what it got, or `false` when there is nothing left to do. */
export async function measureMemberships(
  context: BenchContext,
  row: string,
  warmUpSeconds: number,
  step: (worker: number) => Promise<Joined | false>,
): Promise<Measurement> {
  const acknowledged: Joined[] = [];
  const loop = await runClosedLoop({
    workers: 10,
    seconds: context.seconds,
    warmUpSeconds,
    signal: context.signal,
    serverProcesses: context.serverProcesses,
    step: async (worker) => {
      const joined = await step(worker);
      if (joined === false) return false;
      acknowledged.push(joined);
      return true;
    },
  });
  const missing = await countMissing(acknowledged);
  return {
    row,
    measured: loop.perSecond,
    unit: '/s',
    p50Ms: percentile(loop.recorder.latenciesMs, 0.5),
    p99Ms: percentile(loop.recorder.latenciesMs, 0.99),
    ...counted(loop.recorder),
    faults: missing > 0 ? [`${missing} of ${acknowledged.length} acknowledged memberships are not there`] : [],
    notes: [`${acknowledged.length} acknowledged memberships looked for in /joined_rooms`],
    cpu: loop.cpu,
  };
}

async function countMissing(acknowledged: readonly Joined[]): Promise<number> {
  let missing = 0;
  for (const [client, joins] of Map.groupBy(acknowledged, (joined) => joined.client)) {
    const listed = await client.joinedRooms();
    const present = new Set(listed);
    missing += joins.filter(({ roomId }) => !present.has(roomId)).length;
    missing += listed.length - present.size;
  }
  return missing;
}
