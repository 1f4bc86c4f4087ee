/** Owns the closed loop: so many workers, each doing its next step when the last one is answered. */
import { type CpuShares, startCpuMeter } from '#test/bench/cpu.ts';
import type { ServerProcess } from '#test/bench/processes.ts';
import { Recorder } from '#test/bench/recorder.ts';

export type LoopPlan = {
  workers: number;
  seconds: number;
  /** Steps of this first part of the time warm up both sides; they are checked and their failures counted, not timed. */
  warmUpSeconds: number;
  /** One request. `false` says that there is no more work, which ends the loop for all workers. */
  step: (worker: number) => Promise<boolean>;
  signal: AbortSignal;
  /** The server's processes at this moment, when they are known. */
  serverProcesses: (() => ServerProcess[]) | undefined;
};

/** `perSecond` is undefined where the loop ended before anything could be timed. */
export type LoopResult = { perSecond: number | undefined; recorder: Recorder; cpu: CpuShares };

/** A server that refuses everything is not worth a million refusals. */
const failuresMax = 100;

/** Runs the plan. A step that throws counts as a failure and the loop goes on, up to a hundred failures. */
export async function runClosedLoop(plan: LoopPlan): Promise<LoopResult> {
  const recorder = new Recorder();
  const windowStart = performance.now() + plan.warmUpSeconds * 1000;
  let windowEnd = windowStart + plan.seconds * 1000;
  let meter: ReturnType<typeof startCpuMeter> | undefined;

  const work = async (worker: number): Promise<void> => {
    for (;;) {
      const startedAt = performance.now();
      if (startedAt >= windowEnd || plan.signal.aborted || recorder.failed >= failuresMax) return;
      if (startedAt >= windowStart) meter ??= startCpuMeter(plan.serverProcesses);
      try {
        if (!(await plan.step(worker))) {
          windowEnd = Math.min(windowEnd, performance.now());
          return;
        }
      } catch (error) {
        recorder.fail(error);
        continue;
      }
      const endedAt = performance.now();
      if (endedAt > windowStart && endedAt <= windowEnd) recorder.latenciesMs.push(endedAt - startedAt);
    }
  };
  await Promise.all(Array.from({ length: plan.workers }, (_, worker) => work(worker)));

  const cpu = (meter ?? startCpuMeter(plan.serverProcesses))();
  const stopped = plan.signal.aborted || recorder.failed >= failuresMax;
  const elapsedMs = (stopped ? Math.min(windowEnd, performance.now()) : windowEnd) - windowStart;
  const perSecond = elapsedMs > 0 ? (recorder.latenciesMs.length * 1000) / elapsedMs : undefined;
  return { perSecond, recorder, cpu };
}
