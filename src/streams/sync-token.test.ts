/** Owns the tests of sync tokens. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatSyncToken, parseSyncToken } from '#streams/sync-token.ts';

describe('sync tokens', () => {
  it('are read back as they were written', () => {
    const nat = fc.maxSafeNat().map((value) => Math.min(value, 999_999_999_999_999));
    fc.assert(
      fc.property(nat, fc.tuple(nat, nat, nat, nat, nat), (epoch, positions) => {
        assert.deepEqual(parseSyncToken(formatSyncToken({ epoch, positions })), { epoch, positions });
      }),
    );
  });

  it('leave out what is zero at the end', () => {
    assert.equal(formatSyncToken({ epoch: 3, positions: [17, 0, 0, 0, 0] }), 'v1.3.17');
    assert.equal(formatSyncToken({ epoch: 3, positions: [0, 0, 5, 0, 0] }), 'v1.3.0.0.5');
  });

  it('are nothing else', () => {
    const others = [
      '',
      'v1',
      'v1.',
      'v1.1',
      'v1.1.-1',
      'v1.1.1.1.1.1.1.1',
      'v1.1.01',
      'v1.1.1e3',
      'v2.1.1',
      's1_2',
      'v1.1.1 ',
    ];
    for (const text of [...others, 'v1.1.' + '9'.repeat(17), 'x'.repeat(10_000)]) {
      assert.equal(parseSyncToken(text), undefined, text.slice(0, 30));
    }
  });
});
