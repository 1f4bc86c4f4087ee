/** Owns a run of the benchmark: the server, the rows one after another, the report. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { type BenchContext, type Measurement, openContext, type Row } from '#test/bench/context.ts';
import { parseTarget } from '#test/bench/connection.ts';
import { embeddedConnection, measureFloor } from '#test/bench/floor.ts';
import { metricsDelta, scrapeMetrics } from '#test/bench/metrics.ts';
import { type Options, readOptions, usage } from '#test/bench/options.ts';
import { OwnServer } from '#test/bench/own-server.ts';
import { listServerProcesses } from '#test/bench/processes.ts';
import { isFaulty, markdown, reportRow, type ReportRow } from '#test/bench/report.ts';
import { rows } from '#test/bench/row-list.ts';

/** Runs the benchmark. The exit code is 1 for failed requests and faults, 2 for a wrong command line, never for slowness. */
export async function main(args: readonly string[]): Promise<void> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
    return;
  }
  if (options === undefined) {
    console.log(usage);
    return;
  }
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
  }
  try {
    const report = await runBenchmark(options, interruption.signal);
    console.log(`\n${markdown(report)}`);
    if (report.some(isFaulty)) process.exitCode = 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** Everything but the printing of the table: starts the server if it has to, runs the rows, stops the server. */
export async function runBenchmark(options: Options, signal: AbortSignal): Promise<ReportRow[]> {
  if (options.json !== undefined) writeFileSync(options.json, '');
  await using server = options.url === undefined ? await OwnServer.create(options.databaseUrl) : undefined;
  await server?.start();
  const fixed = fixedContext(options, server, signal);
  const chosen = rows.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const report: ReportRow[] = [];
  let floorPerSecond: number | undefined;

  for (const row of chosen) {
    if (signal.aborted) break;
    console.error(`… ${row.name}`);
    if (row.needsFloor === true) floorPerSecond = await floorNow(fixed, options.seconds);
    for (const done of await runRow(row, fixed, floorPerSecond, options)) {
      if (done.row === 'floor') floorPerSecond = done.measured;
      report.push(done);
      writeJson(done, options.json);
    }
  }
  if (server !== undefined) {
    const stoppedAt = performance.now();
    const faults = await server.stop();
    report.push(reportRow({ row: 'stop', measured: performance.now() - stoppedAt, unit: 'ms', faults }, undefined));
  }
  if (signal.aborted) report.push(failedRow('run', signal.reason, floorPerSecond));
  return report;
}

type FixedContext = Parameters<typeof openContext>[0];

function fixedContext(options: Options, server: OwnServer | undefined, signal: AbortSignal): FixedContext {
  const { databaseUrl, pid } = options;
  const embedded = server === undefined ? undefined : () => embeddedConnection(server.dataDir);
  const known = pid === undefined ? undefined : () => listServerProcesses(pid);
  return {
    target: server?.target ?? parseTarget(options.url ?? ''),
    seconds: options.seconds,
    connections: options.connections,
    signal,
    registrationToken: options.registrationToken,
    ownServer: server,
    serverProcesses: server === undefined ? known : () => server.processes(),
    database: databaseUrl === undefined ? embedded : () => ({ connectionString: databaseUrl }),
    diskDirectory: server?.dataDir ?? options.dataDir,
  };
}

/** The floor moves with whatever else the machine does, so each row that is judged by it has its own. */
async function floorNow({ database }: Pick<BenchContext, 'database'>, seconds: number): Promise<number | undefined> {
  try {
    const connection = database?.();
    if (connection !== undefined) return (await measureFloor(connection, Math.min(3, seconds))).perSecond;
  } catch (error) {
    console.error(`floor: not measured (${error instanceof Error ? error.message : String(error)})`);
  }
  return undefined;
}

/** A row that throws is a row that failed, and the next one still runs. */
async function runRow(
  row: Row,
  fixed: FixedContext,
  floorPerSecond: number | undefined,
  options: Options,
): Promise<ReportRow[]> {
  using context = openContext(fixed);
  try {
    const before = options.metrics === undefined ? undefined : await scrapeMetrics(options.metrics);
    const measurements: Measurement[] = await row.run(context);
    const delta =
      before === undefined || options.metrics === undefined
        ? undefined
        : metricsDelta(before, await scrapeMetrics(options.metrics));
    return measurements.map((measurement) => reportRow(measurement, floorPerSecond, delta));
  } catch (error) {
    return [failedRow(row.name, error, floorPerSecond)];
  }
}

function failedRow(row: string, error: unknown, floorPerSecond: number | undefined): ReportRow {
  const reason = error instanceof Error ? error.message : String(error);
  return reportRow({ row, measured: undefined, unit: '/s', faults: [`the row failed: ${reason}`] }, floorPerSecond);
}

function writeJson(row: ReportRow, file: string | undefined): void {
  const line = JSON.stringify(row);
  if (file === undefined) console.log(line);
  else appendFileSync(file, `${line}\n`);
}
