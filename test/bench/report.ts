/** Owns how results are shown: one JSON line per row and a markdown table of all. */
import { type Budget, budgets, judge } from '#test/bench/budgets.ts';
import type { Measurement } from '#test/bench/context.ts';

/** A measurement with its floor, its budget and the verdict. */
export type ReportRow = Measurement & {
  floorPerSecond: number | undefined;
  ratio: number | undefined;
  budget: Budget | undefined;
  met: boolean | undefined;
  /** What the row added to each series of `--metrics`. */
  metrics?: Record<string, number>;
};

/** Sets a measurement beside the floor of the same run (inserts per second) and its budget. Pure. */
export function reportRow(
  measurement: Measurement,
  floorPerSecond: number | undefined,
  metrics?: Record<string, number>,
): ReportRow {
  const { measured, unit } = measurement;
  const budget = budgets[measurement.row];
  const comparable = unit === '/s' && measured !== undefined && floorPerSecond !== undefined;
  return {
    ...measurement,
    floorPerSecond,
    ratio: comparable ? measured / floorPerSecond : undefined,
    budget,
    met: judge(budget, measured, floorPerSecond),
    ...(metrics === undefined ? {} : { metrics }),
  };
}

/** Floors further apart than this share of the greater one make a ratio of little worth. */
const driftMax = 0.2;

/** `reportRow` with the mean of the floors right before and right after it, and a note when they are far apart. Pure. */
export function besideFloor(
  measurement: Measurement,
  before: number | undefined,
  after: number | undefined,
  metrics?: Record<string, number>,
): ReportRow {
  if (before === undefined || after === undefined) return reportRow(measurement, before ?? after, metrics);
  const drifted = Math.abs(before - after) > driftMax * Math.max(before, after);
  const note = `the floor moved from ${shown(before)} to ${shown(after)}/s: something else used the machine, measure again`;
  const notes = [...(measurement.notes ?? []), ...(drifted ? [note] : [])];
  return reportRow({ ...measurement, ...(notes.length > 0 ? { notes } : {}) }, (before + after) / 2, metrics);
}

/** Whether the row shows an error of the server or of the run, as opposed to slowness. */
export function isFaulty(row: ReportRow): boolean {
  return (row.failed ?? 0) > 0 || (row.faults ?? []).length > 0;
}

/** The table, and below it everything that was counted as failed, wrong or worth a note. */
export function markdown(rows: readonly ReportRow[]): string {
  const lines = [
    '| row | measured | floor/s | of the floor | budget | met | p50 ms | p99 ms | failed | CPU generator, server, database |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${cells(row).join(' | ')} |`),
  ];
  const remarks = rows.flatMap((row) => remarksOn(row).map((remark) => `- ${row.row}: ${remark}`));
  return [...lines, ...(remarks.length > 0 ? ['', ...remarks] : [])].join('\n');
}

function cells(row: ReportRow): string[] {
  return [
    row.row,
    row.measured === undefined ? 'not measured' : `${shown(row.measured)} ${row.unit}`.replace(' /s', '/s'),
    shown(row.floorPerSecond),
    row.ratio === undefined ? '–' : row.ratio.toFixed(2),
    budgetText(row.budget, row.unit),
    { true: 'yes', false: '**no**', undefined: '–' }[`${row.met}`],
    shown(row.p50Ms),
    shown(row.p99Ms),
    String(row.failed ?? '–'),
    row.cpu === undefined ? '–' : [row.cpu.generator, row.cpu.own, row.cpu.postgres].map(percent).join(', '),
  ];
}

function remarksOn(row: ReportRow): string[] {
  return [
    ...Object.entries(row.failures ?? {}).map(([reason, count]) => `**failed** ${count} × ${reason}`),
    ...(row.faults ?? []).map((fault) => `**fault** ${fault}`),
    ...(row.notes ?? []),
  ];
}

function budgetText(budget: Budget | undefined, unit: Measurement['unit']): string {
  if (budget === undefined) return '–';
  const sign = budget.bound === 'at least' ? '≥' : '≤';
  return budget.per === 'floor'
    ? `${sign} ${budget.limit} of the floor`
    : `${sign} ${budget.limit} ${unit}`.replace(' /s', '/s');
}

function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${Math.round(share * 100)} %`;
}

/** Three or more significant digits, so that 0.18 ms and 5,123/s both say enough. */
function shown(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
