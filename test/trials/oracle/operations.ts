/** Owns what became of each operation, put together from its invocation and all attempts at it. */
import type { Attempt, HistoryRecord, Invocation } from '#test/trials/history.ts';
import type { Violation } from '#test/trials/oracle/violation.ts';

export type Operation = {
  readonly invocation: Invocation;
  readonly attempts: readonly Attempt[];
  /** The first acknowledgement, if there is one. */
  readonly acknowledged: Attempt | undefined;
};

/** By key, in the order of the invocations. */
export type Operations = ReadonlyMap<string, Operation>;

export function collectOperations(records: readonly HistoryRecord[]): Operations {
  const attempts = new Map<string, Attempt[]>();
  const invocations: Invocation[] = [];
  for (const record of records) {
    if (record.t === 'invoke') invocations.push(record);
    if (record.t !== 'attempt') continue;
    const known = attempts.get(record.key);
    if (known === undefined) attempts.set(record.key, [record]);
    else known.push(record);
  }
  return new Map(
    invocations.map((invocation) => {
      const own = attempts.get(invocation.key) ?? [];
      return [
        invocation.key,
        { invocation, attempts: own, acknowledged: own.find(({ outcome }) => outcome === 'acknowledged') },
      ];
    }),
  );
}

/** How many effects an operation may have had at most; what has a transaction id has one, however often it was asked for. */
export function effectsMax({ invocation, attempts }: Operation): number {
  // A request that is under way when the history ends may still happen.
  const possible = attempts.filter(({ outcome }) => outcome !== 'refused').length;
  const open = attempts.length === 0 ? 1 : 0;
  const hasTransaction = invocation.kind === 'message' || invocation.kind === 'toDevice';
  return hasTransaction ? Math.min(1, possible + open) : possible + open;
}

/** A transaction id that is sent again is answered with the same event. */
export function judgeAnswers(operations: Operations): Violation[] {
  const violations: Violation[] = [];
  for (const [key, { invocation, attempts, acknowledged }] of operations) {
    if (invocation.kind !== 'message') continue;
    for (const { eventId } of attempts) {
      if (eventId === undefined || eventId === acknowledged?.eventId) continue;
      violations.push({
        kind: 'answered-differently',
        detail: `${key} was answered ${acknowledged?.eventId} and then ${eventId}`,
      });
    }
  }
  return violations;
}
