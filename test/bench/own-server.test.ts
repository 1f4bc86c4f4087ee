/** Owns the proof that the benchmark notices how its server starts, what it holds and what it leaves behind. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { OwnServer } from '#test/bench/own-server.ts';
import { measureMemory, stillRunning } from '#test/bench/processes.ts';

/** A process that answers like a server and ends at SIGINT, after doing `also`. */
function standIn(also = ''): string[] {
  const script = `
    const { spawn } = require('node:child_process');
    const [host, port] = process.env.CAUSEWAY_LISTEN.split(':');
    ${also}
    require('node:http').createServer((request, response) => response.end('{}')).listen(port, host);
    process.on('SIGINT', () => process.exit(0));`;
  return ['-e', script];
}

const orphan = "spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });";

test('a server that starts and stops as it should has times, memory and no faults', async () => {
  let home: string;
  {
    await using server = await OwnServer.create(undefined, standIn());
    home = dirname(server.dataDir);
    assert.equal(server.firstStartMs, undefined);
    const startMs = await server.start();
    assert.ok(startMs > 0 && server.firstStartMs === startMs);
    const processes = server.processes();
    assert.equal(processes.length, 1);
    assert.ok(measureMemory(processes, 'own').rssBytes > 10e6);
    assert.equal(measureMemory(processes, 'postgres').rssBytes, 0);
    assert.deepEqual(await server.stop(), []);
    assert.deepEqual(stillRunning(processes), []);
    await server.start();
    assert.equal(server.firstStartMs, startMs);
  }
  assert.equal(existsSync(home), false);
});

test('a process that outlives the server is a fault, and is ended', async () => {
  await using server = await OwnServer.create(undefined, standIn(orphan));
  await server.start();
  const processes = server.processes();
  assert.equal(processes.length, 2);
  assert.deepEqual(await server.stop(), ['the server left 1 processes behind']);
  const until = performance.now() + 5000;
  while (stillRunning(processes).length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(stillRunning(processes), []);
});

test('a server that ends before it answers is shown with what it said', async () => {
  await using server = await OwnServer.create(undefined, ['-e', "console.error('the port is taken')"]);
  await assert.rejects(server.start(), /did not start:\nthe port is taken/);
});
