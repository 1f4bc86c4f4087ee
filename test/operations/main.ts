/** Owns the last step of a whole test run: an operation whose effect no test has seen fails it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { endpoints } from '#api/endpoints.ts';
import { recordVariable, type TestRecord } from '#test/operations/test-record.ts';
import { buildTable, renderTable } from '#test/operations/table.ts';

const directory = process.env[recordVariable];
if (directory === undefined) throw new Error(`${recordVariable} names no directory.`);
const records = readdirSync(directory).flatMap((name) => {
  const read: TestRecord[] = JSON.parse(readFileSync(path.join(directory, name), 'utf8'));
  return read;
});
const rows = buildTable(endpoints, records);
if (process.env['CAUSEWAY_TEST_WRITE_TABLE'] !== undefined) {
  writeFileSync(new URL('../../docs/operation-tests.md', import.meta.url), renderTable(rows));
}
const unseen = rows.filter(({ test }) => test === undefined).map(({ operation }) => operation);
console.log(`${rows.length - unseen.length} of ${rows.length} operations were seen through another.`);
if (unseen.length > 0) {
  console.error(`No test sees the effect of ${unseen.join(', ')} through another operation.`);
  process.exitCode = 1;
}
