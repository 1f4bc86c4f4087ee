/** Proves that a profile's time goes to the part of the program that spent it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from '#test/bench/options.ts';
import { type CpuProfile, cpuByPart } from '#test/bench/profile/cpu-parts.ts';

const frame = (functionName: string, url = '') => ({ functionName, url });

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 6, 8, 9] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('write', 'file:///app/src/http/render.ts'), children: [4, 5] },
    { id: 4, callFrame: frame('end', 'node:_http_outgoing') },
    { id: 5, callFrame: frame('signOneShot', 'node:internal/crypto/sig') },
    { id: 6, callFrame: frame('query', 'file:///app/node_modules/pg/lib/client.js'), children: [7] },
    { id: 7, callFrame: frame('writev') },
    { id: 8, callFrame: frame('(garbage collector)') },
    { id: 9, callFrame: frame('onStreamRead', 'node:internal/stream_base_commons') },
  ],
  startTime: 1000,
  samples: [3, 2, 4, 5, 6, 7, 8, 9, 3],
  timeDeltas: [10, 500, 20, 40, 7, 5, 3, 2, 10],
};

test('Node and V8 count for their caller, idleness for nobody, and only the time asked for is counted', () => {
  assert.deepEqual(cpuByPart(profile, 1010, 1590), [
    ['hashes and signatures', 40],
    ['src/http', 30],
    ['driver of PostgreSQL', 12],
    ['garbage collection', 3],
    ['Node: sockets, HTTP, promises', 2],
  ]);
  assert.deepEqual(cpuByPart(profile, 0, 1009), []);
});

test('a profile is of sends, and of a server that the benchmark starts', () => {
  assert.equal(readOptions(['--profile', 'send'])?.profile, 'send');
  assert.throws(() => readOptions(['--profile', 'sync']), /only of "send"/);
  assert.throws(() => readOptions(['--profile', 'send', '--url', 'http://127.0.0.1:1']), /leave --url out/);
});
