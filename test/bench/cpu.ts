/** Owns the question of who used the processors while a row was measured. */
import type { ServerProcess } from '#test/bench/processes.ts';

/** Shares of one core: 1 is one core busy all the time. The server's are undefined where its processes are unknown. */
export type CpuShares = { generator: number; own: number | undefined; postgres: number | undefined };

/** Starts measuring; the function returned ends it. `serverProcesses` is asked at both ends. */
export function startCpuMeter(serverProcesses: (() => ServerProcess[]) | undefined): () => CpuShares {
  const before = new Map(serverProcesses?.().map(({ pid, cpuMs }) => [pid, cpuMs]));
  const startedAt = performance.now();
  const generatorBefore = process.cpuUsage();
  return () => {
    const elapsedMs = Math.max(1, performance.now() - startedAt);
    const generator = process.cpuUsage(generatorBefore);
    const after = serverProcesses?.();
    const shareOf = (kind: ServerProcess['kind']): number | undefined =>
      after
        ?.filter((process) => process.kind === kind)
        .reduce((sum, { pid, cpuMs }) => sum + (cpuMs - (before.get(pid) ?? 0)) / elapsedMs, 0);
    return {
      generator: (generator.user + generator.system) / 1000 / elapsedMs,
      own: shareOf('own'),
      postgres: shareOf('postgres'),
    };
  };
}
