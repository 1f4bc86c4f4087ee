/** Proves that near misses are recognised and far ones are left alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggest } from '#config/suggest.ts';

const names = ['server_name', 'data_dir', 'listen', 'log', 'limits'];

for (const [written, meant] of [
  ['sever_name', 'server_name'],
  ['Server-Name', 'server_name'],
  ['servernaem', 'server_name'],
  ['datadir', 'data_dir'],
  ['lisetn', 'listen'],
  ['lgo', 'log'],
  ['limit', 'limits'],
  ['port', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
] as const) {
  test(`${written.slice(0, 20)} means ${meant ?? 'nothing known'}`, () => assert.equal(suggest(written, names), meant));
}
