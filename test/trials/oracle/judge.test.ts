/** Owns the proof that the oracle accepts an honest history and detects each way in which one can be wrong. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HistoryRecord, RoomView, SyncAnswered } from '#test/trials/history.ts';
import { attempt, honestHistory, operation } from '#test/trials/oracle/honest-history.ts';
import { findViolations } from '#test/trials/oracle/judge.ts';
import type { Violation } from '#test/trials/oracle/violation.ts';

type Kind = Violation['kind'];

function assertOnly(records: readonly HistoryRecord[], ...kinds: readonly Kind[]): void {
  const found = findViolations(records);
  assert.deepEqual([...new Set(found.map((one) => one.kind))].toSorted(), kinds.toSorted(), JSON.stringify(found));
}

const views = (change: (view: RoomView) => Partial<RoomView>): HistoryRecord[] =>
  honestHistory().map((record) => (record.t === 'view' ? { ...record, ...change(record) } : record));

/** Changes the answer that gave this token. */
const answer = (next: string, change: (sync: SyncAnswered) => Partial<SyncAnswered>): HistoryRecord[] =>
  honestHistory().map((record) =>
    record.t === 'sync' && record.next === next ? { ...record, ...change(record) } : record,
  );

const timeline = (next: string, events: readonly string[]): HistoryRecord[] =>
  answer(next, ({ rooms }) => ({ rooms: { '!room': { state: rooms['!room']?.state ?? [], events } } }));

const followedBy = (...more: readonly HistoryRecord[]): HistoryRecord[] => [...honestHistory(), ...more];
const ghost = ['$ghost', '@alice:x', null] as const;

describe('the oracle of the fault trials accepts', () => {
  it('an honest history', () => assertOnly(honestHistory()));

  it('attempts of unknown outcome before an acknowledgement', () => {
    assertOnly(followedBy(attempt('m0', 'unknown', 10), attempt('d0', 'unknown', 10)));
  });

  it('a message of unknown outcome that did not happen, and one that was refused', () => {
    const [open] = operation('m3', 'message', 200);
    const [refused] = operation('m4', 'message', 210);
    assert.ok(open && refused);
    assertOnly(followedBy(open, attempt('m3', 'unknown', 200), refused, attempt('m4', 'refused', 210)));
  });

  it('state that was set by each of two attempts, of which one has no known outcome', () => {
    const records = views(({ events }) => ({ events: [...events, ['$again', '@alice:x', 's0']] }));
    const told = records.map((record) =>
      record.t === 'sync' && record.next === 'v1.1.5.2.2'
        ? {
            ...record,
            rooms: { '!room': { state: [['test|s', '$s0'] as const], events: ['$s0', '$m1', '$m2', '$again'] } },
          }
        : record,
    );
    assertOnly([...told, attempt('s0', 'unknown', 40)]);
  });

  it('a message to a device that is brought again before it is acknowledged', () => {
    const records = honestHistory();
    const brought = records.findIndex((record) => record.t === 'sync' && record.toDevice.includes('d0'));
    const [first] = records.slice(brought);
    assert.ok(first?.t === 'sync');
    const restart = { t: 'chain', client: 'bob', chain: 5, basis: { chain: 0, answers: 1 } } as const;
    assertOnly(records.toSpliced(brought + 1, 0, restart, { ...first, chain: 5 }));
  });
});

describe('the oracle of the fault trials detects', () => {
  it('an acknowledged message that is lost', () => {
    const records = views(({ events }) => ({ events: events.filter(([id]) => id !== '$m1') }));
    assertOnly(records, 'lost', 'invented');
  });

  it('an acknowledged message in another room', () => {
    const records = honestHistory().map((record) =>
      record.t === 'invoke' && record.key === 'm1' ? { ...record, roomId: '!other' } : record,
    );
    assertOnly(records, 'lost', 'invented');
  });

  it('an event that a room has twice', () => {
    assertOnly(
      views(({ events }) => ({ events: [...events, ...events.slice(-1)] })),
      'doubled',
    );
  });

  it('a transaction that made two events', () => {
    const records = views(({ events }) => ({
      events: [...events.slice(0, 1), ['$again', '@alice:x', 'm0'], ...events.slice(1)],
    }));
    const kinds = new Set(findViolations(records).map((one) => one.kind));
    assert.ok(kinds.has('doubled') && kinds.has('invented') && kinds.has('skipped'));
  });

  it('state that was set more often than it was asked for', () => {
    const records = views(({ events }) => ({ events: [...events, ['$again', '@alice:x', 's0']] }));
    assertOnly(records, 'doubled', 'skipped');
  });

  it('a message that nobody sent, and one under a false sender', () => {
    assertOnly(
      views(({ events }) => ({ events: events.map(([id, who, key]) => [id, who, key === 'm0' ? 'm9' : key]) })),
      'invented',
    );
    assertOnly(
      views(({ events }) => ({ events: events.map(([id, , key]) => [id, '@eve:x', key]) })),
      'invented',
    );
  });

  it('a message that was refused and is there all the same', () => {
    const records = honestHistory().map((record) =>
      record.t === 'attempt' && record.key === 'm1' ? attempt('m1', 'refused', 50) : record,
    );
    assertOnly(records, 'invented');
  });

  it('a transaction that was answered with another event', () => {
    assertOnly(followedBy(attempt('m1', 'acknowledged', 60, '$other')), 'answered-differently');
  });

  it("a sender's messages in another order than acknowledged", () => {
    const records = honestHistory();
    const sent = (key: string) =>
      records.filter((one) => (one.t === 'invoke' || one.t === 'attempt') && one.key === key);
    const others = records.filter((one) => !sent('m0').includes(one) && !sent('m1').includes(one));
    const exchanged = [...sent('m1'), ...sent('m0')].map((one) => (one.t === 'invoke' ? { ...one, at: 1 } : one));
    assertOnly([...exchanged, ...others], 'reordered');
  });

  it('a receipt that was lost', () => {
    const records = views(() => ({ receipts: [['@alice:x', '$m1']] }));
    assertOnly(records, 'lost', 'divergent');
  });

  it('processes that show different events, state, receipts or members', () => {
    const changes: ((view: RoomView) => Partial<RoomView>)[] = [
      ({ events }) => ({ events: [...events, ghost] }),
      ({ events }) => ({ events: events.toReversed() }),
      () => ({ state: [['test|s', '$m0']] }),
      () => ({ receipts: [] }),
    ];
    for (const change of changes)
      assertOnly(
        views((view) => (view.server === 1 ? change(view) : {})),
        'divergent',
      );
    const apart = honestHistory().map((one) => (one.t === 'joined' && one.server === 1 ? { ...one, rooms: [] } : one));
    assertOnly(apart, 'divergent');
    assertOnly(
      views(() => ({ joined: [] })),
      'divergent',
    );
  });

  it('a token that skips an event, between two answers, after a restart from a backup and at the end', () => {
    assertOnly(timeline('v1.1.2.0.1', []), 'skipped');
    assertOnly(timeline('v1.1.5.2.2', ['$s0', '$m2']), 'skipped');
    assertOnly(timeline('v1.1.5.2.2', ['$m1', '$m2']), 'skipped');
    assertOnly(timeline('v1.1.5.2.2', ['$s0', '$m1']), 'skipped');
  });

  it('a client that was told nothing of a room', () => {
    const silent = honestHistory().map((record) =>
      record.t === 'sync' ? { ...record, rooms: {}, receipts: [] } : record,
    );
    assertOnly(silent, 'skipped', 'divergent');
  });

  it('an event that a client was told twice, too late, or that the room does not have', () => {
    assertOnly(timeline('v1.1.4.1.1', ['$s0', '$m1', '$m1']), 'doubled');
    assertOnly(timeline('v1.1.4.1.1', ['$m0', '$s0', '$m1']), 'doubled');
    assertOnly(timeline('v1.1.4.1.1', ['$m1', '$s0']), 'skipped', 'reordered');
    assertOnly(timeline('v1.1.4.1.1', ['$s0', '$ghost', '$m1']), 'invented');
  });

  it('state and receipts that a client was told wrongly', () => {
    assertOnly(
      answer('v1.1.5.2.2', () => ({ receipts: [] })),
      'divergent',
    );
    const stale = answer('v1.1.5.2.2', ({ rooms }) => ({
      rooms: { '!room': { events: rooms['!room']?.events ?? [], state: [] } },
    }));
    assertOnly(stale, 'divergent');
  });

  it('a token from the future', () => {
    const records = honestHistory().map((record) =>
      record.t === 'invoke' && record.key === 'm0' ? { ...record, at: 31 } : record,
    );
    assertOnly(records, 'token-from-the-future');
  });

  it('a token that goes backwards in any stream, and what is no token', () => {
    const back = (next: string) =>
      honestHistory().map((one) => (one.t === 'sync' && one.next === 'v1.1.5.2.2' ? { ...one, next } : one));
    assertOnly(back('v1.1.1.2.2'), 'token-backwards');
    assertOnly(back('v1.1.5.2.0'), 'token-backwards');
    assertOnly(back('s5'), 'invented');
  });

  it('a message to a device that never came, came after it was acknowledged, twice, out of order or from nobody', () => {
    assertOnly(
      answer('v1.1.5.2.2', () => ({ toDevice: [] })),
      'lost',
    );
    assertOnly(
      answer('v1.1.5.2.2', () => ({ toDevice: ['d0', 'd1'] })),
      'doubled',
    );
    assertOnly(
      answer('v1.1.5.2.2', () => ({ toDevice: ['d1', 'd1'] })),
      'doubled',
    );
    assertOnly(
      answer('v1.1.5.2.2', () => ({ toDevice: ['d1', 'd9'] })),
      'invented',
    );
    const late = answer('v1.1.2.0.1', () => ({ toDevice: [] }));
    const exchanged = late.map((one) =>
      one.t === 'sync' && one.chain === 1 ? { ...one, toDevice: ['d1', 'd0'] } : one,
    );
    assertOnly(exchanged, 'reordered');
  });
});
