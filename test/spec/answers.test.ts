/** Owns the tests of the check that every answer has the specification's shape. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAnswer } from '#test/support/check-answer.ts';

const rooms = '/_matrix/client/v3/joined_rooms';
const filter = '/_matrix/client/v3/user/@a:hs1.test/filter/1';

test('an answer of the shape passes, also with more than the specification names', () => {
  checkAnswer('GET', rooms, { joined_rooms: ['!a:hs1.test'], 'org.example.more': 1 }, false);
  checkAnswer('GET', filter, { room: { timeline: { limit: 1 } } }, false);
});

test('an answer of another shape does not, and the failure says what is wrong', () => {
  assert.throws(() => checkAnswer('GET', rooms, {}, false), /client\.getJoinedRooms .*joined_rooms/);
  assert.throws(() => checkAnswer('GET', rooms, { joined_rooms: [7] }, false), /joined_rooms\/0/);
  assert.throws(() => checkAnswer('GET', filter, { room: { timeline: { limit: 'one' } } }, false), /getFilter/);
  const event = { type: 'm.room.name', content: {}, origin_server_ts: 1, event_id: '$a' };
  const answer = { next_batch: 's', rooms: { join: { '!a:hs1.test': { timeline: { events: [event] } } } } };
  assert.throws(() => checkAnswer('GET', '/_matrix/client/v3/sync', answer, false), /sender/);
});

test('what the specification does not name, and what was asked for in part, is not looked at', () => {
  checkAnswer('GET', '/_matrix/client/v3/no_such', {}, false);
  checkAnswer('GET', '/_matrix/client/v3/sync', {}, true);
});
