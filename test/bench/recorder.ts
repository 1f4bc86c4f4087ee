/** Owns what a row counts: the latencies of what succeeded, and every failure by its reason. */

export class Recorder {
  readonly latenciesMs: number[] = [];
  readonly failures = new Map<string, number>();
  failed = 0;

  /** Counts a failure under its message, so that ten thousand equal ones make one line. */
  fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
    this.failed += 1;
  }
}

/** The smallest value that `share` (0…1) of the values do not exceed; undefined of nothing. Does not sort in place. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
