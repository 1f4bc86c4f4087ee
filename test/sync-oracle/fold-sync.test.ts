/** Checks the folding of /sync answers by answers that are written by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#test/support/matrix-shapes.ts';
import { emptyView, type ClientView, type RoomView } from '#test/sync-oracle/client-view.ts';
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

function fold(...answers: readonly JsonObject[]): ClientView {
  const view = emptyView();
  for (const each of answers) foldSync(view, each);
  return view;
}

function roomOf(view: ClientView): RoomView {
  const found = view.rooms.get(room);
  assert.ok(found);
  return found;
}

const topicOf = (view: ClientView): string | undefined =>
  roomOf(view).state.get(JSON.stringify(['m.room.topic', '']))?.event_id;
const timelineOf = (view: ClientView): string[] => roomOf(view).timeline.map((event) => event.event_id);

void test('the timeline changes the state after the list of state did', () => {
  const view = fold(answer('join', section([topic('new')], { state: list(topic('old')) })));
  assert.equal(topicOf(view), '$new');
  assert.deepEqual(timelineOf(view), ['$new']);
  assert.equal(view.nextBatch, 's');
});

void test('with state_after the timeline changes nothing, even if the list is empty', () => {
  const view = fold(
    answer('join', section([topic('told')], { state_after: list(topic('kept')) })),
    answer('join', section([topic('soft')], { state_after: list() })),
  );
  assert.equal(topicOf(view), '$kept');
});

void test('a timeline goes on, or begins anew behind a gap', () => {
  const first = answer('join', section([message('a')]));
  assert.deepEqual(timelineOf(fold(first, answer('join', section([message('b')])))), ['$a', '$b']);
  const view = fold(first, answer('join', gap([message('c')], { state: list(topic('gap')) })));
  assert.deepEqual(timelineOf(view), ['$c']);
  assert.equal(topicOf(view), '$gap');
});

void test('a room is where it was told last', () => {
  const invite = answer('invite', { invite_state: list(stripped('m.room.member', { membership: 'invite' }, me)) });
  const view = fold(invite);
  assert.deepEqual([view.invites.size, view.rooms.size], [1, 0]);
  foldSync(view, answer('join', section([member('join', me, 'join')])));
  assert.deepEqual([view.invites.size, roomOf(view).membership], [0, 'join']);
  foldSync(view, answer('leave', section([member('left', me, 'leave')])));
  assert.equal(roomOf(view).membership, 'leave');
  foldSync(view, answer('knock', { knock_state: list(stripped('m.room.member', { membership: 'knock' }, me)) }));
  assert.deepEqual([view.knocks.size, roomOf(view).membership], [1, 'leave']);
  foldSync(view, invite);
  assert.deepEqual([view.knocks.size, view.invites.size], [0, 1]);
  foldSync(view, answer('leave', section([])));
  assert.equal(view.invites.size, 0, 'an invite that was withdrawn');
  foldSync(view, answer('join', gap([message('back')])));
  assert.deepEqual([roomOf(view).membership, timelineOf(view)], ['join', ['$back']]);
});

void test('a room that is joined again is told from the start', () => {
  const view = fold(
    answer('join', section([topic('old')], { account_data: list({ type: 'x', content: {} }) })),
    answer('leave', section([member('left', me, 'leave')])),
    answer('join', gap([message('back')], { state: list(member('m', me, 'join')) })),
  );
  assert.deepEqual([roomOf(view).state.size, roomOf(view).accountData.size], [1, 0]);
});

void test('an invite to a room that one is in says that one is in it no more', () => {
  const view = fold(answer('join', section([])), answer('invite', { invite_state: list() }));
  assert.deepEqual([roomOf(view).membership, view.invites.size], ['leave', 1]);
});

void test('members that are told little by little add up', () => {
  const view = fold(
    answer('join', section([message('a')], { state: list(member('m1', bob, 'join')) })),
    answer('join', section([message('b')], { state: list(member('m2', me, 'join')) })),
  );
  assert.equal(roomOf(view).state.size, 2);
});

void test('account data, summaries and counts are replaced by what is told, and kept otherwise', () => {
  const account = (value: number): JsonObject => list({ type: 'x', content: { value } });
  const counts = { notification_count: 3, highlight_count: 1 };
  const threads = { unread_thread_notifications: { $root: counts, $quiet: { notification_count: 0 } } };
  const full = section([], {
    summary: { 'm.joined_member_count': 2, 'm.heroes': [bob] },
    account_data: account(1),
    unread_notifications: counts,
    ...threads,
  });
  const view = fold(answer('join', full, { account_data: account(2) }));
  assert.deepEqual([...roomOf(view).unreadThreads], [['$root', { notifications: 3, highlights: 1 }]]);
  foldSync(view, answer('join', section([], { summary: { 'm.joined_member_count': 3 }, account_data: account(4) })));
  assert.deepEqual(view.accountData, new Map([['x', { value: 2 }]]));
  const { summary, accountData, unread, unreadThreads } = roomOf(view);
  assert.deepEqual(
    [...summary],
    [
      ['m.joined_member_count', 3],
      ['m.heroes', [bob]],
    ],
  );
  assert.deepEqual([...accountData], [['x', { value: 4 }]]);
  assert.deepEqual(unread, { notifications: 3, highlights: 1 });
  assert.deepEqual([...unreadThreads], [], 'threads that are not told have nothing unread');
});

void test('a receipt takes the place of the former one of its kind, and only of that', () => {
  const receipt = (eventId: string, type: string, more: JsonObject = {}): JsonObject =>
    answer(
      'join',
      section([], {
        ephemeral: list({ type: 'm.receipt', content: { [eventId]: { [type]: { [bob]: { ts: 1, ...more } } } } }),
      }),
    );
  const view = fold(receipt('$a', 'm.read'), receipt('$b', 'm.read', { thread_id: 'main' }), receipt('$c', 'm.read'));
  assert.deepEqual(
    [...roomOf(view).receipts].map(([key, { eventId }]) => [key, eventId]),
    [
      [`m.read unthreaded ${bob}`, '$c'],
      [`m.read main ${bob}`, '$b'],
    ],
  );
});

void test('who types is who was named last', () => {
  const typing = (...userIds: string[]): JsonObject =>
    answer('join', section([], { ephemeral: list({ type: 'm.typing', content: { user_ids: userIds } }) }));
  assert.deepEqual(roomOf(fold(typing(me, bob))).typing, [bob, me]);
  assert.deepEqual(roomOf(fold(typing(me, bob), typing())).typing, []);
});

void test('redactions are seen wherever the room version has their target', () => {
  const redaction = (id: string, more: JsonObject): JsonObject => message(id, { type: 'm.room.redaction', ...more });
  const view = fold(
    answer(
      'join',
      section([redaction('r1', { redacts: '$a', content: {} }), redaction('r2', { content: { redacts: '$b' } })]),
    ),
  );
  assert.deepEqual([...view.redacted], ['$a', '$b']);
});

void test('what no answer may have is noted', () => {
  const problemsOf = (...answers: readonly JsonObject[]): string => fold(...answers).problems.join();
  assert.match(
    problemsOf({ next_batch: 's', rooms: { join: { [room]: section([]) }, leave: { [room]: section([]) } } }),
    /two sections/,
  );
  assert.match(
    problemsOf(answer('join', section([message('a')])), answer('join', section([message('a')]))),
    /\$a .* twice/,
  );
  assert.match(problemsOf(answer('join', section([], { state: list(topic('a'), topic('b')) }))), /state twice/);
  assert.match(problemsOf(answer('join', section([], { state: list(), state_after: list() }))), /both state/);
  assert.match(problemsOf(answer('join', section([], { state: list(message('a')) }))), /which is none/);
  assert.match(problemsOf(answer('join', { timeline: { events: [], limited: true } })), /no token/);
  assert.equal(problemsOf(answer('join', section([state('a', 'm.x', {})], { state: list(topic('b')) }))), '');
});
