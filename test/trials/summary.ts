/** Owns the figures of a trial: what was asked for, what befell the site, and how long sends took. */
import type { HistoryRecord } from '#test/trials/history.ts';
import { latenciesOf, type Latencies } from '#test/trials/latencies.ts';

/** While one server stands still, 99 of 100 sends to the others are answered within this time. */
const p99MsMax = 1_000;

export function summarise(records: readonly HistoryRecord[], statuses: ReadonlyMap<number, number>): string[] {
  const count = (test: (record: HistoryRecord) => boolean): number => records.filter(test).length;
  const acknowledged = new Set(
    records.flatMap((record) => (record.t === 'attempt' && record.outcome === 'acknowledged' ? [record.key] : [])),
  );
  const kinds = Object.entries(
    Object.groupBy(
      records.filter((record) => record.t === 'invoke'),
      ({ kind }) => kind,
    ),
  ).map(([kind, some]) => `${some?.filter(({ key }) => acknowledged.has(key)).length} of ${some?.length} ${kind}`);
  const faults = Object.entries(
    Object.groupBy(
      records.filter((record) => record.t === 'fault'),
      ({ what }) => what.replaceAll(/\d+/g, 'n'),
    ),
  ).map(([what, some]) => `${some?.length} ${what}`);
  const answers = [...statuses]
    .toSorted(([a], [b]) => a - b)
    .map(([status, times]) => `${times} × ${status || 'none'}`);
  const { all, besidePause, undisturbed, operations } = latenciesOf(records);
  const isFast = besidePause.p99 < p99MsMax;
  return [
    `acknowledged: ${kinds.join(', ')}`,
    `unknown outcomes: ${count((one) => one.t === 'attempt' && one.outcome === 'unknown')}, refused: ${count((one) => one.t === 'attempt' && one.outcome === 'refused')}`,
    `syncs: ${count((one) => one.t === 'sync')} in ${count((one) => one.t === 'chain')} chains; answers: ${answers.join(', ')}`,
    `faults: ${faults.join(', ')}`,
    `ms for a send: ${words(all)}; from the first attempt to the acknowledgement: ${words(operations)}`,
    `ms for a send while there is no fault: ${words(undisturbed)}`,
    `ms for a send to the others while a server is stopped: ${words(besidePause)}: ${isFast ? 'p99 below' : 'p99 NOT below'} ${p99MsMax}`,
  ];
}

function words({ count, p50, p99, most }: Latencies): string {
  return `${count}, p50 ${p50}, p99 ${p99}, most ${most}`;
}
