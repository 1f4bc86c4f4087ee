/** Checks that random histories are reproducible and have everything in them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomHistory } from '#test/sync-oracle/random-history.ts';
import { operationKinds } from '#test/sync-oracle/operations.ts';
import { requestOf, type Sent } from '#test/sync-oracle/requests.ts';

const options = { users: 4, rooms: 1, farRooms: 1, operations: 60 };

void test('the same seed makes the same history', () => {
  assert.deepEqual(randomHistory(1, options), randomHistory(1, options));
  assert.notDeepEqual(randomHistory(1, options), randomHistory(2, options));
  assert.equal(randomHistory(1, options).length >= options.operations, true);
});

void test('twenty histories have every kind of operation, and each is a request', () => {
  const kinds = new Map<string, number>();
  for (let seed = 0; seed < 20; seed += 1) {
    const sent: Sent = { users: ['@a:x', '@b:x', '@c:x', '@d:x'], rooms: [], nextTxnId: () => 't' };
    for (const operation of randomHistory(seed, options)) {
      kinds.set(operation.kind, (kinds.get(operation.kind) ?? 0) + 1);
      if (operation.kind === 'createRoom' || operation.kind === 'upgrade' || operation.kind === 'farRoom')
        sent.rooms.push({ roomId: '!r:x', events: ['$e'] });
      if (operation.kind === 'sync' || operation.kind === 'level') continue;
      if (operation.kind === 'farRoom' || operation.kind === 'fork') continue;
      const request = requestOf(sent, operation);
      assert.match(request?.path ?? '', /^\/[^?#]+$/, JSON.stringify(operation));
    }
  }
  assert.deepEqual(
    operationKinds.filter((kind) => !kinds.has(kind)),
    [],
  );
});
