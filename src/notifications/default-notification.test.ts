/** Proves that one look at an event says what evaluating everybody's rules says for each reader. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { evaluatePushRules } from '#matrix/push-rules/evaluate.ts';
import { selectDefaultNotification } from '#notifications/default-notification.ts';
import { buildDefaultPushRules } from '#notifications/push-rules/default-push-rules.ts';

const alice = '@alice:x';
const contents: readonly JsonObject[] = [
  { msgtype: 'm.text', body: 'hi' },
  { msgtype: 'm.notice', body: 'hi', 'm.mentions': { user_ids: [alice] } },
  { msgtype: 'M.NOTICE', body: 'hi' },
  { msgtype: 'm.text', 'm.mentions': { user_ids: [alice, '@bob:x'] } },
  { msgtype: 'm.text', 'm.mentions': { user_ids: ['@bob:x'] } },
  { msgtype: 'm.text', 'm.mentions': { room: true } },
  { msgtype: 'm.text', 'm.mentions': { room: 'true', user_ids: 'x' } },
  { msgtype: 'm.text', 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' } },
  { 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' }, 'm.mentions': { user_ids: [alice] } },
  { msgtype: 'm.text', 'm.relates_to': { rel_type: 'm.thread', event_id: '$x' } },
  { 'm.relates_to': 'nothing', 'm.mentions': null },
];
const types = [
  ['m.room.message'],
  ['m.room.encrypted'],
  ['M.Room.Message'],
  ['m.reaction'],
  ['m.call.invite'],
  ['org.example'],
  ['m.room.tombstone', ''],
  ['m.room.tombstone', 'key'],
  ['m.room.tombstone'],
  ['m.room.server_acl', ''],
  ['m.room.member', '@carol:x'],
] as const;

for (const [type, stateKey] of types) {
  test(`${type} with state key ${stateKey}`, () => {
    for (const content of contents) {
      for (const [level, joined] of [
        [0, 5],
        [50, 2],
      ] as const) {
        const event = { type, sender: '@bob:x', content };
        const context = {
          userId: alice,
          displayName: undefined,
          joinedMemberCount: joined,
          senderPowerLevel: level,
          notificationLevels: undefined,
        };
        const verdict = evaluatePushRules(buildDefaultPushRules(alice), { ...event, stateKey, roomId: '!r' }, context);
        const { step, highlighted } = selectDefaultNotification(
          { ...event, ...(stateKey !== undefined && { state_key: stateKey }) },
          () => level >= 50,
        );
        const isHighlight = highlighted.includes(alice) || highlighted.includes('');
        assert.deepEqual(
          { notify: step > 0 || isHighlight, highlight: isHighlight },
          { notify: verdict.notify, highlight: verdict.notify && verdict.highlight },
          JSON.stringify(event),
        );
      }
    }
  });
}
