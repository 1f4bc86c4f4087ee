/** Owns the verdict over sync tokens: they never go backwards, and never say that something was told before it was sent. */
import { parseSyncToken, type StreamPositions } from '#streams/sync-token.ts';
import type { HistoryRecord, SyncAnswered } from '#test/trials/history.ts';
import type { Operations } from '#test/trials/oracle/operations.ts';
import type { Violation } from '#test/trials/oracle/violation.ts';

export function judgeTokens(records: readonly HistoryRecord[], operations: Operations): Violation[] {
  const sentBy = latestSendings(records, operations);
  const violations: Violation[] = [];
  for (const record of records) {
    if (record.t !== 'sync') continue;
    const positions = positionsOf(record.next);
    const where = `${record.next} for ${record.client} from ${record.server}`;
    if (positions === undefined) {
      violations.push({ kind: 'invented', detail: `${where} is no token` });
      continue;
    }
    if (isBackwards(record, positions)) {
      violations.push({ kind: 'token-backwards', detail: `${where}, which had asked with ${record.since}` });
    }
    const future = sentBy(positions[0]);
    if (future !== undefined && future.at > record.ended) {
      violations.push({ kind: 'token-from-the-future', detail: `${where} covers ${future.key}, sent later` });
    }
  }
  return violations;
}

function isBackwards({ since }: SyncAnswered, positions: StreamPositions): boolean {
  const before = since === null ? undefined : positionsOf(since);
  return before !== undefined && before.some((pos, index) => (positions[index] ?? 0) < pos);
}

function positionsOf(token: string): StreamPositions | undefined {
  return parseSyncToken(token)?.positions;
}

/** For a position the operation that was begun last of those whose events stand at or before it. */
function latestSendings(
  records: readonly HistoryRecord[],
  operations: Operations,
): (pos: number) => { readonly key: string; readonly at: number } | undefined {
  const begun = new Map<string, { readonly key: string; readonly at: number }>();
  for (const [key, { invocation, acknowledged }] of operations) {
    if (acknowledged?.eventId !== undefined) begun.set(acknowledged.eventId, { key, at: invocation.at });
  }
  const placed = records
    .flatMap((record) => (record.t === 'positions' ? record.events : []))
    .flatMap(([eventId, pos]) => {
      const sending = begun.get(eventId);
      return sending === undefined ? [] : [{ pos, latest: sending }];
    })
    .toSorted((a, b) => a.pos - b.pos);
  for (const [index, entry] of placed.entries()) {
    const before = placed[index - 1]?.latest;
    if (before !== undefined && before.at > entry.latest.at) entry.latest = before;
  }
  return (pos) => {
    let [low, high] = [0, placed.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((placed[middle]?.pos ?? 0) <= pos) low = middle + 1;
      else high = middle;
    }
    return placed[low - 1]?.latest;
  };
}
