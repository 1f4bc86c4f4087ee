/** Owns the tests of the table of operations and tests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildTable, renderTable, type ListedOperation } from '#test/operations/table.ts';

const operations: ListedOperation[] = [
  { operation: 'client.setName', method: 'PUT', path: '/name/{userId}' },
  { operation: 'client.getName', method: 'GET', path: '/name/{userId}', aliases: ['/r0/name/{userId}'] },
  { operation: 'client.getNames', method: 'GET', path: '/name/all' },
];
const call = (method: string, path: string, status = 200): { method: string; path: string; status: number } => ({
  method,
  path,
  status,
});
const rowsOf = (...calls: ReturnType<typeof call>[]): Map<string, string | undefined> =>
  new Map(buildTable(operations, [{ file: 'a.test.ts', name: 'a', calls }]).map((row) => [row.operation, row.through]));

test('a write is seen through a read that comes after it', () => {
  assert.equal(rowsOf(call('PUT', '/name/a'), call('GET', '/r0/name/a')).get('client.setName'), 'client.getName');
  assert.equal(rowsOf(call('GET', '/name/a'), call('PUT', '/name/a')).get('client.setName'), undefined);
});

test('a read shows a write that came before it', () => {
  assert.equal(rowsOf(call('PUT', '/name/a'), call('GET', '/name/a')).get('client.getName'), 'client.setName');
  assert.equal(rowsOf(call('GET', '/name/a')).get('client.getName'), undefined);
});

test('what was refused shows nothing', () => {
  assert.equal(rowsOf(call('PUT', '/name/a', 403), call('GET', '/name/a')).get('client.getName'), undefined);
});

test('a path without parameters is not taken for one with a parameter', () => {
  const rows = rowsOf(call('PUT', '/name/a'), call('GET', '/name/all'));
  assert.equal(rows.get('client.getNames'), 'client.setName');
  assert.equal(rows.get('client.getName'), undefined);
});

test('an operation without a test is an empty cell', () => {
  assert.match(renderTable(buildTable(operations, [])), /`client\.getName` \| \*\*none\*\*/);
});
