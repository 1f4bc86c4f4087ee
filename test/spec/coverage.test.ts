/** Proves that the endpoint rows agree with the specification about what is served, to whom, and how often. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { flagCapabilities } from '#api/client/capabilities.ts';
import { endpoints } from '#api/endpoints.ts';
import { renderEndpointsDocument, type SpecificationOperation } from '#http/list-endpoints.ts';
import { specificationVersions } from '#matrix/unstable-features.ts';

const { operations }: { operations: SpecificationOperation[] } = JSON.parse(
  readFileSync(new URL('operations.json', import.meta.url), 'utf8'),
);
const byId = new Map(operations.map((operation) => [operation.operation, operation]));
const servedIds = endpoints.flatMap(({ operation, alsoServes = [] }) => [operation, ...alsoServes]);
const served = new Set(servedIds);

/** Classes that limit what the specification leaves unlimited: writes and long polls, whose cost others bear. */
const stricterClasses = new Set(['none', 'send', 'create_room', 'sync']);

test('every row is an operation of the specification, or says which proposal or need of our own it comes from', () => {
  assert.equal(served.size, servedIds.length, 'An operation has more than one row.');
  for (const row of endpoints) {
    const operation = byId.get(row.operation);
    if (operation === undefined) {
      assert.match(
        row.spec,
        /^MSC\d+|^own: /,
        `${row.operation} is not in the specification, and its row says no more.`,
      );
      continue;
    }
    assert.equal(row.method, operation.method, row.operation);
    assert.equal(row.path, operation.path, row.operation);
  }
});

test('who may call is what the specification says', () => {
  for (const row of endpoints) {
    const operation = byId.get(row.operation);
    if (operation !== undefined) assert.equal(row.auth, operation.auth, row.operation);
  }
});

test('guests may call what the specification lists, and what needs no token', () => {
  for (const row of endpoints) {
    const operation = byId.get(row.operation);
    if (row.auth === 'user') assert.equal(row.guests ?? false, operation?.guests ?? false, row.operation);
  }
});

test('what the specification limits is limited', () => {
  for (const row of endpoints) {
    const operation = byId.get(row.operation);
    if (operation === undefined) continue;
    if (operation.rate_limited) assert.notEqual(row.rateLimit, 'none', row.operation);
    else assert.ok(stricterClasses.has(row.rateLimit), `${row.operation} is not rate-limited in the specification.`);
  }
});

test('a version of the specification is claimed only when all its operations are served', () => {
  const minorOf = (version: string): number => Number(/^v?1\.(\d+)$/.exec(version)?.[1]);
  for (const version of specificationVersions.filter((claimed) => claimed !== 'v1.1')) {
    const due = operations.filter((operation) => minorOf(operation.since) <= minorOf(version));
    const missing = due.filter(({ operation }) => !served.has(operation)).map(({ operation }) => operation);
    assert.deepEqual(missing, [], version);
  }
});

test('capabilities say what is served', () => {
  for (const [capability, { enabled, operation }] of Object.entries(flagCapabilities)) {
    assert.ok(byId.has(operation), operation);
    assert.equal(enabled, served.has(operation), capability);
  }
});

test('the document counts every operation of the specification as served or not', () => {
  const document = renderEndpointsDocument(endpoints, operations);
  const counts = [...document.matchAll(/^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \| \d+ \|$/gm)];
  let total = 0;
  for (const [, api, all, done, missing] of counts) {
    const ofApi = operations.filter(({ operation }) => operation.startsWith(`${api}.`));
    assert.equal(Number(all), ofApi.length);
    assert.equal(Number(done), ofApi.filter(({ operation }) => served.has(operation)).length);
    assert.equal(Number(done) + Number(missing), Number(all));
    total += Number(all);
  }
  assert.equal(total, operations.length);
  for (const row of endpoints) assert.ok(document.includes(`\`${row.method} ${row.path}\``), row.operation);
});

test('the committed document is current; `npm run docs` writes it', () => {
  const committed = readFileSync(new URL('../../docs/endpoints.md', import.meta.url), 'utf8');
  assert.equal(committed, renderEndpointsDocument(endpoints, operations));
});
