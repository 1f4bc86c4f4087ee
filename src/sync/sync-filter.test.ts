/** Owns the tests of reading sync filters. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSyncFilter, type SyncFilter } from '#sync/sync-filter.ts';

function read(filter: unknown): SyncFilter {
  const verdict = readSyncFilter(JSON.stringify(filter));
  assert.ok(verdict.ok);
  return verdict.filter;
}

describe('a sync filter', () => {
  it('lets everything through when it is empty, ten events of each room', () => {
    const { timeline, state, hasRoom, includeLeave } = read({});
    assert.ok(
      timeline.isOpen && state.isOpen && hasRoom('!any:example.org') && !includeLeave && !state.lazyLoadMembers,
    );
    assert.equal(timeline.limit, 10);
    assert.equal(read({ room: { timeline: { limit: 100_000 } } }).timeline.limit, 100);
  });

  it('chooses types by stars, and what is refused wins', () => {
    const { timeline } = read({
      room: { timeline: { types: ['m.room.*', 'a_b%'], not_types: ['m.room.member'], not_senders: ['@eve:e'] } },
    });
    const chosen = ['m.room.message', 'm.room.member', 'm.reaction', 'a_b%', 'axb%'];
    assert.deepEqual(
      chosen.filter((type) => timeline.matches(type, '@alice:a')),
      ['m.room.message', 'a_b%'],
    );
    assert.equal(timeline.matches('m.room.message', '@eve:e'), false);
    assert.deepEqual(timeline.condition.types, ['m.room.%', String.raw`a\_b\%`]);
  });

  it('chooses rooms', () => {
    const { hasRoom } = read({ room: { rooms: ['!a:x', '!b:x'], not_rooms: ['!b:x'] } });
    assert.deepEqual(['!a:x', '!b:x', '!c:x'].filter(hasRoom), ['!a:x']);
  });

  it('is refused with a reason when it is not one', () => {
    const wrong = ['{', '7', '{"room":7}', '{"room":{"timeline":{"limit":-1}}}', '{"room":{"rooms":"!a"}}'];
    for (const json of [
      ...wrong,
      '{"room":{"state":{"lazy_load_members":1}}}',
      '{"room":{"timeline":{"types":[1]}}}',
    ]) {
      const verdict = readSyncFilter(json);
      assert.ok(!verdict.ok && verdict.reason.endsWith('.'), json);
    }
  });
});
