/** Owns the row `idle-connections`: what a waiting /sync costs the server in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchContext, elementAt, type Measurement, type Row } from '#test/bench/context.ts';
import type { MatrixClient } from '#test/bench/matrix-client.ts';
import { measureMemory } from '#test/bench/processes.ts';
import { Recorder } from '#test/bench/recorder.ts';
import { makeRoom } from '#test/bench/rows/send-load.ts';

const userCount = 50;
/** So many wait before the first reading: they warm up the code whose memory is not theirs. */
const connectionsBefore = 100;
const settleMs = 4000;

export const idleConnections: Row = {
  name: 'idle-connections',
  run: async (context) => {
    if (context.serverProcesses === undefined) return [notMeasured('the server’s processes are not known')];
    const users = await context.makeUsers(userCount);
    for (const user of users) await makeRoom(user, []);
    // Memory that the rows before have freed would hide what the connections take.
    const faults = (await context.ownServer?.stop()) ?? [];
    await context.ownServer?.start();

    const polls = await Promise.all(users.map((user) => openingOf(user)));
    const recorder = new Recorder();
    let over = false;
    const early = (reason: unknown): void => {
      if (!over) recorder.fail(reason);
    };
    await openPolls(context, polls, connectionsBefore, early);
    const before = measureMemory(context.serverProcesses(), 'own').rssBytes;
    await openPolls(context, polls, context.connections, early);
    const after = measureMemory(context.serverProcesses(), 'own').rssBytes;
    over = true;
    const grownBytes = after - before;
    return [
      {
        row: 'idle-connections',
        measured: grownBytes > 0 ? grownBytes / 1024 / context.connections : undefined,
        unit: 'KiB',
        requests: connectionsBefore + context.connections,
        failed: recorder.failed,
        failures: Object.fromEntries(recorder.failures),
        faults,
        notes: [
          `${context.connections} connections of ${userCount} users, beyond the first ${connectionsBefore}`,
          ...(grownBytes > 0
            ? []
            : ['not measured: the server freed more meanwhile; start it anew or take more connections']),
        ],
      },
    ];
  },
};

type Poll = { user: MatrixClient; since: string };

async function openingOf(user: MatrixClient): Promise<Poll> {
  return { user, since: (await user.sync({ timeout: '0' })).next_batch };
}

/** Opens so many long polls and lets them settle; `early` hears of each that ends. */
async function openPolls(
  context: BenchContext,
  polls: readonly Poll[],
  count: number,
  early: (reason: unknown) => void,
): Promise<void> {
  for (let index = 0; index < count && !context.signal.aborted; index += 1) {
    const { user, since } = elementAt(polls, index % polls.length);
    const waiting = user.on(context.connect()).sync({ since, timeout: '60000' });
    void waiting.then(() => early('answered although nothing had happened'), early);
    // A burst of connections would overrun the listen queue, which is not what is measured.
    if (index % 50 === 49) await sleep(20);
  }
  await sleep(settleMs, undefined, { signal: context.signal });
}

function notMeasured(reason: string): Measurement {
  return { row: 'idle-connections', measured: undefined, unit: 'KiB', notes: [`not measured: ${reason}`] };
}
