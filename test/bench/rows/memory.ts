/** Owns the rows `memory-idle` and `memory-after-load`: what the server's own processes and its database hold. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement, Row } from '#test/bench/context.ts';
import { type Memory, measureMemory } from '#test/bench/processes.ts';

const settleMs = 10_000;

export const memoryIdle = memoryRow('memory-idle');
export const memoryAfterLoad = memoryRow('memory-after-load');

function memoryRow(row: string): Row {
  return {
    name: row,
    run: async ({ serverProcesses, signal }): Promise<Measurement[]> => {
      if (serverProcesses === undefined) {
        return [
          { row, measured: undefined, unit: 'MB', notes: ['not measured: the server’s processes are not known'] },
        ];
      }
      await sleep(settleMs, undefined, { signal });
      const processes = serverProcesses();
      const own = measureMemory(processes, 'own');
      const postgres = measureMemory(processes, 'postgres');
      const count = (kind: string): number => processes.filter((process) => process.kind === kind).length;
      return [
        {
          row,
          measured: own.rssBytes / 1e6,
          unit: 'MB',
          notes: [
            `own, ${count('own')} processes: ${memoryText(own)}`,
            ...(count('postgres') > 0 ? [`database, ${count('postgres')} processes: ${memoryText(postgres)}`] : []),
          ],
        },
      ];
    },
  };
}

function memoryText({ rssBytes, pssBytes }: Memory): string {
  const pss = pssBytes === undefined ? 'unknown' : `${(pssBytes / 1e6).toFixed(1)} MB`;
  return `RSS ${(rssBytes / 1e6).toFixed(1)} MB, PSS ${pss}`;
}
