import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireAliases } from '#rooms/aliases/check-canonical-alias.ts';

test('what stood there before is not looked at, even if it is no alias', () => {
  const content = { alias: 'no alias', alt_aliases: [7, '#new:example.org'] };
  assert.throws(() => requireAliases(content), { errcode: 'M_INVALID_PARAM' });
  assert.throws(() => requireAliases(content, new Set(['no alias'])), { errcode: 'M_INVALID_PARAM' });
  assert.deepEqual(requireAliases(content, new Set(['no alias', 7])), ['#new:example.org']);
});
