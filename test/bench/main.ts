/** Owns a run of the benchmark: the server, the rows one after another, the report. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { type BenchContext, type Measurement, openContext, type Row } from '#test/bench/context.ts';
import { parseTarget } from '#test/bench/connection.ts';
import { embeddedConnection, measureFloor } from '#test/bench/floor.ts';
import { metricsDelta, scrapeMetrics } from '#test/bench/metrics.ts';
import { type Options, readOptions, usage } from '#test/bench/options.ts';
import { OwnServer } from '#test/bench/own-server.ts';
import { profileSends } from '#test/bench/profile/send.ts';
import { listServerProcesses } from '#test/bench/processes.ts';
import { besideFloor, isFaulty, markdown, reportRow, type ReportRow } from '#test/bench/report.ts';
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
    if (options.profile !== undefined) {
      console.log(await profileSends(options.seconds, interruption.signal));
      return;
    }
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
  const add = (row: ReportRow): void => {
    report.push(row);
    writeJson(row, options.json);
  };

  for (const row of chosen) {
    if (signal.aborted) break;
    console.error(`… ${row.name}`);
    const floorBefore = row.needsFloor === true ? await floorNow(fixed, options.seconds) : floorPerSecond;
    const { measurements, metrics } = await runRow(row, fixed, options);
    const floorAfter = row.needsFloor === true ? await floorNow(fixed, options.seconds) : floorBefore;
    for (const measurement of measurements) {
      const done = besideFloor(measurement, floorBefore, floorAfter, metrics);
      // Rows without a floor of their own are shown beside the latest.
      floorPerSecond = done.row === 'floor' ? done.measured : done.floorPerSecond;
      add(done);
    }
  }
  if (server !== undefined) {
    const stoppedAt = performance.now();
    const faults = await server.stop();
    add(reportRow({ row: 'stop', measured: performance.now() - stoppedAt, unit: 'ms', faults }, undefined));
  }
  if (signal.aborted) add(reportRow(failedRow('run', signal.reason), undefined));
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

/** The floor moves with whatever else the machine does, so a row that is judged by it has its own, before and after. */
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
  { metrics: url }: Options,
): Promise<{ measurements: Measurement[]; metrics?: Record<string, number> }> {
  using context = openContext(fixed);
  try {
    if (url === undefined) return { measurements: await row.run(context) };
    const before = await scrapeMetrics(url);
    const measurements = await row.run(context);
    return { measurements, metrics: metricsDelta(before, await scrapeMetrics(url)) };
  } catch (error) {
    return { measurements: [failedRow(row.name, error)] };
  }
}

function failedRow(row: string, error: unknown): Measurement {
  const reason = error instanceof Error ? error.message : String(error);
  return { row, measured: undefined, unit: '/s', faults: [`the row failed: ${reason}`] };
}

function writeJson(row: ReportRow, file: string | undefined): void {
  const line = JSON.stringify(row);
  if (file === undefined) console.log(line);
  else appendFileSync(file, `${line}\n`);
}
