/** Owns how long sends took in a history: all of them, and those to other servers while one stood still. */
import type { Attempt, Fault, HistoryRecord } from '#test/trials/history.ts';

export type Latencies = { readonly count: number; readonly p50: number; readonly p99: number; readonly most: number };

/** In milliseconds, by attempt; one without an answer counts with the time after which it was given up. */
export function latenciesOf(records: readonly HistoryRecord[]): {
  readonly all: Latencies;
  /** Attempts at other servers that overlap a pause of one, and no other fault. */
  readonly besidePause: Latencies;
  /** Attempts that overlap no fault: what the machine gives. */
  readonly undisturbed: Latencies;
  /** From the first attempt at an operation to its acknowledgement. */
  readonly operations: Latencies;
} {
  const messages = new Set(
    records.flatMap((record) => (record.t === 'invoke' && record.kind === 'message' ? [record.key] : [])),
  );
  const attempts = records.filter((record) => record.t === 'attempt').filter(({ key }) => messages.has(key));
  const faults = records.filter((record) => record.t === 'fault');
  const pauses = faults.filter(({ what }) => what === 'pause');
  const others = faults.filter(({ what }) => what !== 'pause');
  const beside = attempts.filter((attempt) => {
    const during = pauses.filter((pause) => overlaps(attempt, pause));
    const isOther = during.length > 0 && during.every(({ server }) => server !== attempt.server);
    return isOther && !others.some((fault) => overlaps(attempt, fault));
  });
  return {
    all: summarise(attempts.map(durationOf)),
    besidePause: summarise(beside.map(durationOf)),
    undisturbed: summarise(
      attempts.filter((attempt) => !faults.some((fault) => overlaps(attempt, fault))).map(durationOf),
    ),
    operations: summarise(waitsOf(attempts)),
  };
}

function overlaps({ began, ended }: Attempt, fault: Fault): boolean {
  return began < fault.ended && ended > fault.began;
}

function durationOf({ began, ended }: Attempt): number {
  return ended - began;
}

function waitsOf(attempts: readonly Attempt[]): number[] {
  const first = new Map<string, number>();
  const waits: number[] = [];
  const known = new Set<string>();
  for (const { key, began, ended, outcome } of attempts) {
    if (!first.has(key)) first.set(key, began);
    if (outcome !== 'acknowledged' || known.has(key)) continue;
    known.add(key);
    waits.push(ended - (first.get(key) ?? began));
  }
  return waits;
}

function summarise(durations: readonly number[]): Latencies {
  const sorted = durations.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), most: at(1) };
}
