/** Owns the row `initial-sync`: the first /sync of a client whose user is in a hundred rooms. */
import { startCpuMeter } from '#test/bench/cpu.ts';
import { counted, inParallel, type Row } from '#test/bench/context.ts';
import { percentile, Recorder } from '#test/bench/recorder.ts';
import { makeRoom, messageContent } from '#test/bench/rows/send-load.ts';

const roomCount = 100;
const messagesPerRoom = 10;
const repetitions = 20;

export const initialSync: Row = {
  name: 'initial-sync',
  run: async (context) => {
    const [client, other] = await context.makeUsers(2);
    if (client === undefined || other === undefined) throw new RangeError('two users were asked for');
    await inParallel(roomCount, 1, async () => {
      const roomId = await makeRoom(client, [other]);
      for (let number = 0; number < messagesPerRoom; number += 1) await other.send(roomId, messageContent(number));
    });
    const recorder = new Recorder();
    const wrong = new Set<number>();
    const meter = startCpuMeter(context.serverProcesses);
    for (let count = 0; count < repetitions && !context.signal.aborted; count += 1) {
      const startedAt = performance.now();
      try {
        const text = await client.call('GET', '/sync?timeout=0');
        recorder.latenciesMs.push(performance.now() - startedAt);
        const answer: { rooms?: { join?: object } } = JSON.parse(text);
        wrong.add(Object.keys(answer.rooms?.join ?? {}).length);
      } catch (error) {
        recorder.fail(error);
      }
    }
    wrong.delete(roomCount);
    return [
      {
        row: 'initial-sync',
        measured: percentile(recorder.latenciesMs, 0.5),
        unit: 'ms',
        p50Ms: percentile(recorder.latenciesMs, 0.5),
        p99Ms: percentile(recorder.latenciesMs, 0.99),
        ...counted(recorder),
        faults: [...wrong].map((count) => `a response with ${count} rooms instead of ${roomCount}`),
        notes: recorder.latenciesMs
          .slice(0, 1)
          .map((first) => `the first of ${repetitions} took ${first.toFixed(1)} ms`),
        cpu: meter(),
      },
    ];
  },
};
