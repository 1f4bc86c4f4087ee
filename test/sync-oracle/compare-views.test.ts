/** Checks that the comparison sees every kind of difference, and none where there is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEvents, type JsonObject } from '#test/support/matrix-shapes.ts';
import { emptyView } from '#test/sync-oracle/client-view.ts';
import { compareHistory, compareMembers, compareViews } from '#test/sync-oracle/compare-views.ts';
import { foldSync } from '#test/sync-oracle/fold-sync.ts';
import {
  answer,
  bob,
  gap,
  list,
  me,
  member,
  message,
  room,
  section,
  state,
  stripped,
  topic,
} from '#test/sync-oracle/sync-parts.ts';

function differences(folded: readonly JsonObject[], fresh: JsonObject, isLazy = false): string[] {
  const [left, right] = [emptyView(), emptyView()];
  for (const each of folded) foldSync(left, each);
  foldSync(right, fresh);
  return compareViews(left, right, { isLazy });
}

/** One difference, and of this form. */
function assertDiffers(pattern: RegExp, folded: readonly JsonObject[], fresh: JsonObject, isLazy = false): void {
  const found = differences(folded, fresh, isLazy);
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(found[0] ?? '', pattern);
}

const join = (...parts: readonly [readonly JsonObject[], JsonObject?]): JsonObject => answer('join', section(...parts));
const [a, b, c] = [message('a'), message('b'), message('c')];

void test('what was folded together equals what is told at once', () => {
  assert.deepEqual(differences([join([a]), join([b]), join([c])], answer('join', gap([b, c]))), []);
  assert.deepEqual(
    differences([join([a]), answer('join', gap([c]))], join([a, b, c])),
    [],
    'the shorter timeline counts',
  );
  assert.deepEqual(differences([join([topic('t')])], join([], { state: list(topic('t')) })), []);
});

void test('rooms, invites and knocks', () => {
  const nothing = { next_batch: 's' };
  assertDiffers(/joined rooms: .* of which nothing was told/, [nothing], join([a]));
  assertDiffers(/joined rooms: .* which fresh is none/, [join([a])], nothing);
  const invite = (name: string): JsonObject =>
    answer('invite', { invite_state: list(stripped('m.room.name', { name })) });
  assertDiffers(/invites: fresh/, [nothing], invite('x'));
  assertDiffers(/stripped state is .*"x".*"y"/, [invite('x')], invite('y'));
  assertDiffers(/knocks: .* which fresh is none/, [answer('knock', { knock_state: list() })], nothing);
  const left = answer('leave', section([b]));
  assert.deepEqual(differences([join([a]), left], nothing), [], 'rooms that were left need not be told');
  assert.deepEqual(differences([join([a]), left, answer('leave', section([c]))], left), [], 'as of the departure');
  assertDiffers(/that it was left was not told/, [nothing], left);
  assertDiffers(/the room left ends with \$a .*, \$b .*; fresh \$c/, [join([a]), left], answer('leave', section([c])));
  const titled = answer('leave', section([b], { state: list(topic('t')) }));
  assertDiffers(/state .*topic.* of the room left/, [join([a]), left], titled);
});

void test('state', () => {
  assertDiffers(/state .*topic.* is absent, fresh \$t/, [join([])], join([], { state: list(topic('t')) }));
  assertDiffers(/is \$t .*, fresh absent/, [join([], { state: list(topic('t')) })], join([]));
  assertDiffers(/is \$t .*, fresh \$u/, [join([], { state: list(topic('t')) })], join([], { state: list(topic('u')) }));
  const named = (name: string): JsonObject => join([], { state: list(state('n', 'm.room.name', { name })) });
  assertDiffers(/content of state/, [named('x')], named('y'));
});

void test('the end of the timeline', () => {
  assertDiffers(/the timeline ends with \$a .*; fresh \$b/, [join([a, c])], join([b, c]));
  assertDiffers(/content of event \$a/, [join([a])], join([{ ...a, content: { body: 'other' } }]));
  assertDiffers(/sender of event \$a/, [join([a])], join([{ ...a, sender: me }]));
});

void test('redactions', () => {
  const redaction = message('r', { type: 'm.room.redaction', content: { redacts: '$a' } });
  const redacted = { ...a, content: {}, unsigned: { redacted_because: redaction } };
  assert.deepEqual(differences([join([a]), join([redaction])], join([redacted, redaction])), []);
  assertDiffers(/is redacted, fresh it is not/, [join([a]), join([redaction])], join([a, redaction]));
  const blank = message('r', { type: 'm.room.redaction', content: {} });
  assert.deepEqual(
    differences([join([a]), join([blank])], join([redacted, blank])),
    [],
    'a redacted redaction says nothing',
  );
  assertDiffers(/is not redacted, fresh it is/, [join([a])], join([redacted]));
});

void test('summaries, account data, receipts and counts', () => {
  const summary = (count: number, heroes: readonly string[] = []): JsonObject =>
    join([], { summary: { 'm.joined_member_count': count, 'm.heroes': heroes } });
  assertDiffers(/joined_member_count is 2, fresh 3/, [summary(2)], summary(3));
  assertDiffers(/heroes is \[\], fresh/, [summary(2)], summary(2, [bob]));
  const named = (heroes: readonly string[]): JsonObject =>
    join([], { state: list(state('n', 'm.room.name', { name: 'x' })), summary: { 'm.heroes': heroes } });
  assert.deepEqual(differences([named([bob])], named([])), [], 'a room with a name needs no heroes');
  const account = (value: number): JsonObject => ({ account_data: list({ type: 'x', content: { value } }) });
  assertDiffers(/account data x is .*1.*2/, [{ next_batch: 's', ...account(1) }], { next_batch: 's', ...account(2) });
  assertDiffers(/account data x is undefined/, [join([])], join([], account(1)));
  const unread = (count: number): JsonObject => join([], { unread_notifications: { notification_count: count } });
  assertDiffers(/unread counts is .*1.*2/, [unread(1)], unread(2));
  assert.deepEqual(differences([unread(0)], join([])), []);
});

void test('receipts', () => {
  const receipts = (...entries: readonly (readonly [eventId: string, thread?: string])[]): JsonObject => {
    const events = entries.map(([eventId, thread]) => ({
      type: 'm.receipt',
      content: { [eventId]: { 'm.read': { [bob]: thread === undefined ? { ts: 1 } : { ts: 1, thread_id: thread } } } },
    }));
    return join([a, b], { ephemeral: list(...events) });
  };
  assertDiffers(/receipt m.read unthreaded .* is .*\$a.*\$b/, [receipts(['$a'])], receipts(['$b']));
  assertDiffers(/receipt m.read main/, [receipts(['$a', 'main'])], receipts());
  assertDiffers(/receipt m.read main/, [receipts(['$b', 'main'], ['$b'])], receipts(['$b']));
  assertDiffers(/receipt m.read main/, [receipts(['$b', 'main'], ['$a'])], receipts(['$a']));
});

void test('members that are loaded lazily', () => {
  const knows = (...members: readonly JsonObject[]): JsonObject => join([], { state: list(...members) });
  const [mine, bobs] = [member('m', me, 'join'), member('b', bob, 'join')];
  assert.deepEqual(differences([knows(mine, bobs)], knows(mine), true), []);
  assert.deepEqual(differences([knows(mine)], knows(mine, bobs), true), []);
  assertDiffers(/is \$b .*, fresh \$x/, [knows(bobs)], knows(member('x', bob, 'leave')), true);
  assertDiffers(/wrote in the timeline/, [join([a])], join([a], { state: list(bobs) }), true);
});

void test('of whom is known, the newest is known', () => {
  const [folded, whole] = [emptyView(), emptyView()];
  foldSync(folded, join([], { state: list(member('m', me, 'join')) }));
  foldSync(whole, join([], { state: list(member('m', me, 'join'), member('b', bob, 'join')) }));
  assert.deepEqual(compareMembers(folded, whole), []);
  foldSync(folded, join([], { state: list(member('x', bob, 'leave')) }));
  assert.match(compareMembers(folded, whole).join(), /is \$x .*, now \$b/);
});

void test('a timeline with its gaps filled is the end of the history', () => {
  const view = emptyView();
  foldSync(view, join([a]));
  foldSync(view, answer('join', gap([c])), new Map([[room, readEvents([b], 'gap')]]));
  const known = view.rooms.get(room);
  assert.ok(known);
  assert.deepEqual(compareHistory(known, readEvents([message('z'), a, b, c], 'history')), []);
  assert.match(
    compareHistory(known, readEvents([a, c], 'history')).join(),
    /\$a .*\$b .*\$c .*; the history \$a .*\$c/,
  );
});
