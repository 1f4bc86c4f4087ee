/** Owns the proof that the benchmark counts right: against a double that can lose, double, refuse and break off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '#test/bench/budgets.ts';
import { runClosedLoop } from '#test/bench/closed-loop.ts';
import { Connection, parseTarget } from '#test/bench/connection.ts';
import type { BenchContext, Measurement, Row } from '#test/bench/context.ts';
import { openContext } from '#test/bench/context.ts';
import { type Faults, FakeHomeserver } from '#test/bench/fake-homeserver.ts';
import { MatrixClient, register } from '#test/bench/matrix-client.ts';
import { metricsDelta, parseMetrics } from '#test/bench/metrics.ts';
import { readOptions } from '#test/bench/options.ts';
import { compare } from '#test/bench/read-back.ts';
import { percentile } from '#test/bench/recorder.ts';
import { besideFloor, isFaulty, markdown, reportRow } from '#test/bench/report.ts';
import { rows } from '#test/bench/row-list.ts';

async function measure(name: string, faults: Faults = {}, seconds = 0.3): Promise<Measurement[]> {
  await using server = await FakeHomeserver.start(faults);
  using context = contextFor(server, seconds);
  return await rowNamed(name).run(context);
}

function contextFor(server: FakeHomeserver, seconds: number): BenchContext & Disposable {
  return openContext({
    target: server.target,
    seconds,
    connections: 100,
    signal: new AbortController().signal,
    registrationToken: undefined,
    ownServer: undefined,
    serverProcesses: undefined,
    database: undefined,
    diskDirectory: undefined,
  });
}

function rowNamed(name: string): Row {
  const row = rows.find((candidate) => candidate.name === name);
  assert.ok(row, name);
  return row;
}

async function measureOne(name: string, faults?: Faults): Promise<Measurement> {
  const [measurement] = await measure(name, faults);
  assert.ok(measurement);
  return measurement;
}

test('percentiles are values that were measured, by nearest rank', () => {
  const values = [5, 1, 4, 2, 3];
  assert.equal(percentile(values, 0.5), 3);
  assert.equal(percentile(values, 0.99), 5);
  assert.equal(percentile(values, 0), 1);
  assert.equal(percentile([], 0.5), undefined);
  assert.deepEqual(values, [5, 1, 4, 2, 3]);
});

test('the closed loop counts each step once, and the rate is steps over time', async () => {
  let steps = 0;
  const loop = await runClosedLoop({
    workers: 4,
    seconds: 0.5,
    warmUpSeconds: 0,
    signal: new AbortController().signal,
    serverProcesses: undefined,
    step: async () => {
      steps += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
      return true;
    },
  });
  const timed = loop.recorder.latenciesMs.length;
  assert.ok(timed <= steps && timed >= steps - 4, `${timed} of ${steps}`);
  assert.ok(Math.abs((loop.perSecond ?? 0) - timed / 0.5) < 0.001);
  assert.ok((percentile(loop.recorder.latenciesMs, 0) ?? 0) >= 9);
});

test('the closed loop ends when work runs out, and after a hundred failures', async () => {
  const plan = { workers: 2, seconds: 60, warmUpSeconds: 0, serverProcesses: undefined };
  const { signal } = new AbortController();
  let left = 10;
  const drained = await runClosedLoop({ ...plan, signal, step: async () => (left -= 1) >= 0 });
  assert.equal(drained.recorder.latenciesMs.length, 10);
  const failing = await runClosedLoop({ ...plan, signal, step: () => Promise.reject(new Error('no')) });
  assert.ok(failing.recorder.failed >= 100 && failing.recorder.failed <= 101);
  assert.equal(failing.recorder.failures.get('no'), failing.recorder.failed);
});

test('the reading back tells lost, doubled, reordered and unacknowledged events apart', () => {
  const clean = { acknowledged: 4, lost: 0, doubled: 0, reordered: 0, unacknowledged: 0 };
  const sent = [
    ['a', 'b'],
    ['c', 'd'],
  ];
  assert.deepEqual(compare(['a', 'c', 'b', 'd'], sent), clean);
  assert.deepEqual(compare(['a', 'c', 'd'], sent), { ...clean, lost: 1 });
  assert.deepEqual(compare(['a', 'c', 'a', 'b', 'd'], sent), { ...clean, doubled: 1 });
  assert.deepEqual(compare(['b', 'a', 'c', 'd'], sent), { ...clean, reordered: 1 });
  assert.deepEqual(compare(['a', 'b', 'c', 'd', 'e'], sent), { ...clean, unacknowledged: 1 });
  assert.deepEqual(
    compare(
      ['a', 'b', 'c'],
      [
        ['a', 'b'],
        ['c', 'c'],
      ],
    ),
    { ...clean, lost: 1 },
  );
});

for (const row of ['sequential', 'ten', 'own', 'rooms', 'joins', 'empty-sync', 'messages', 'initial-sync']) {
  test(`the row ${row} runs without a failure against an honest server`, async () => {
    const measurement = await measureOne(row);
    assert.ok((measurement.measured ?? 0) > 0);
    assert.ok((measurement.requests ?? 0) > 0);
    assert.equal(measurement.failed, 0);
    assert.deepEqual(measurement.faults ?? [], []);
    assert.ok((measurement.p50Ms ?? 0) > 0 && (measurement.p99Ms ?? 0) >= (measurement.p50Ms ?? 0));
    assert.ok((measurement.cpu?.generator ?? 0) > 0);
  });
}

test('the row delivery finds every message in the waiting sync, also in chunked answers', async () => {
  const measurements = await measure('delivery', { chunked: true }, 1);
  assert.deepEqual(
    measurements.map(({ row }) => row),
    ['delivery-300', 'delivery-1000'],
  );
  for (const { measured, failed, faults } of measurements) {
    assert.ok((measured ?? 0) > 0);
    assert.equal(failed, 0);
    assert.deepEqual(faults, []);
  }
});

test('a message that never comes through sync is a fault of the row delivery', async () => {
  const [measurement] = await measure('delivery', { hideEvery: 50 }, 0.2);
  assert.match(measurement?.faults?.join() ?? '', /^1 of 75 messages never came through \/sync$/);
});

test('a server that cannot keep up is slow, not faulty', async () => {
  const [, slow] = await measure('delivery', { delayMs: 500 }, 1);
  assert.ok(slow);
  assert.match(slow.notes?.join() ?? '', /did not keep up: \d+ messages were due and never sent/);
  assert.ok((slow.p99Ms ?? 0) > 500);
  assert.equal(isFaulty(reportRow(slow, undefined)), false);
});

const wrongs: [Faults, RegExp][] = [
  [{ loseEvery: 50 }, /^lost \d+ of \d+ acknowledged events$/],
  [{ doubleEvery: 50 }, /^doubled \d+ of \d+ acknowledged events$/],
  [{ reorderEvery: 50 }, /^reordered \d+ of \d+ acknowledged events$/],
];
for (const [faults, expected] of wrongs) {
  test(`the row sequential notices a server with ${Object.keys(faults).join()}`, async () => {
    const measurement = await measureOne('sequential', faults);
    assert.equal(measurement.failed, 0);
    assert.match(measurement.faults?.join() ?? '', expected);
    assert.equal(isFaulty(reportRow(measurement, undefined)), true);
  });
}

test('failed requests are counted by their reason and make the run faulty', async () => {
  const refused = await measureOne('ten', { refuseEvery: 100 });
  assert.deepEqual(Object.keys(refused.failures ?? {}), ['429 M_LIMIT_EXCEEDED']);
  assert.equal(refused.failures?.['429 M_LIMIT_EXCEEDED'], refused.failed);
  assert.deepEqual(refused.faults, []);
  const cut = await measureOne('ten', { cutEvery: 100 });
  assert.ok((cut.failed ?? 0) > 0);
  assert.deepEqual(cut.faults, []);
  assert.equal(isFaulty(reportRow(cut, undefined)), true);
});

test('a connection says who ended it, and works again after a cut', async () => {
  await using server = await FakeHomeserver.start({ cutEvery: 2 });
  using connection = new Connection(server.target);
  const client = new MatrixClient(connection, await register(connection));
  const roomId = await client.createRoom({});
  assert.match(await client.send(roomId, {}), /^\$event/);
  await assert.rejects(client.send(roomId, {}), /ECONNRESET|closed by the server/);
  assert.match(await client.send(roomId, {}), /^\$event/);
  const waiting = client.sync({ timeout: '30000', since: '1000' });
  connection[Symbol.dispose]();
  await assert.rejects(waiting, /closed by the benchmark/);
});

test('budgets are judged by the ratio to the floor or by themselves, and not without a floor', () => {
  const ratio = { bound: 'at least', limit: 0.25, per: 'floor' } as const;
  assert.equal(judge(ratio, 1000, 4000), true);
  assert.equal(judge(ratio, 999, 4000), false);
  assert.equal(judge(ratio, 999, undefined), undefined);
  assert.equal(judge({ bound: 'at most', limit: 15, per: 'absolute' }, 15.1, undefined), false);
  assert.equal(judge(undefined, 1, 1), undefined);
});

test('the table shows slowness as a missed budget and failures below it', () => {
  const slow = reportRow({ row: 'sequential', measured: 500, unit: '/s', failed: 0 }, 4000);
  const failing = reportRow({ row: 'ten', measured: 4000, unit: '/s', failed: 2, failures: { ECONNRESET: 2 } }, 4000);
  assert.equal(isFaulty(slow), false);
  assert.equal(isFaulty(failing), true);
  const table = markdown([slow, failing]);
  assert.match(table, /\| sequential \| 500\/s \| 4,000 \| 0\.13 \| ≥ 0\.25 of the floor \| \*\*no\*\* \|/);
  assert.match(table, /\| ten \| 4,000\/s \| 4,000 \| 1\.00 \| ≥ 0\.85 of the floor \| yes \|/);
  assert.match(table, /- ten: \*\*failed\*\* 2 × ECONNRESET/);
});

test('a row stands beside the mean of the floors around it, with a note when they are far apart', () => {
  const measurement: Measurement = { row: 'sequential', measured: 1000, unit: '/s' };
  const steady = besideFloor(measurement, 4100, 3900);
  assert.equal(steady.ratio, 0.25);
  assert.equal(steady.met, true);
  assert.equal(steady.notes, undefined);
  assert.match(besideFloor(measurement, 4000, 3000).notes?.join() ?? '', /moved from 4,000 to 3,000\/s/);
  assert.equal(besideFloor(measurement, undefined, 3000).floorPerSecond, 3000);
});

test('metrics are compared series by series', () => {
  const before = parseMetrics('# HELP a b\na_total 1\nb{c="d e"} 2\n');
  const after = parseMetrics('a_total 4\nb{c="d e"} 2\nnew_total 5\n');
  assert.deepEqual(metricsDelta(before, after), { a_total: 3, new_total: 5 });
});

test('the command line refuses what it does not know, with a sentence', () => {
  assert.deepEqual(readOptions(['--only', 'ten,own', '--seconds', '3'])?.only, ['ten', 'own']);
  assert.equal(readOptions(['--help']), undefined);
  assert.throws(() => readOptions(['--only', 'eleven']), /no row named eleven/);
  assert.throws(() => readOptions(['--seconds', 'soon']), /--seconds must be a number/);
  assert.throws(() => readOptions(['--fast']), /--fast/);
  assert.deepEqual(parseTarget('http://[::1]:8008'), { host: '::1', port: 8008 });
  assert.throws(() => parseTarget('https://example.org'), /http:\/\/host:port/);
});
