/** Owns the proof that no content makes the rules throw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { alice, bob, creator, describeRoom } from '#matrix/auth-rules/room-fixture.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { roomVersions } from '#matrix/room-versions.ts';

const anyJson: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(null, true, 0, -1, 1e300, 50.5, '50', ' +1 ', alice, bob, 'invite', 'ban', [], {}),
  fc.json().map((text): JsonValue => JSON.parse(text)),
);
const userLevels = fc.dictionary(fc.constantFrom(alice, bob, creator, '__proto__', 'nobody'), anyJson);

/** Objects whose keys the rules look at, with whatever under them. */
const anyContent: fc.Arbitrary<JsonObject> = fc.record(
  {
    membership: fc.oneof(fc.constantFrom('join', 'invite', 'leave', 'ban', 'knock'), anyJson),
    join_rule: fc.oneof(fc.constantFrom('public', 'invite', 'knock', 'restricted', 'knock_restricted'), anyJson),
    join_authorised_via_users_server: anyJson,
    third_party_invite: fc.oneof(anyJson, fc.record({ signed: fc.record({ mxid: anyJson, token: anyJson }) })),
    creator: anyJson,
    additional_creators: anyJson,
    'm.federate': anyJson,
    users: fc.oneof(userLevels, anyJson),
    events: fc.oneof(fc.dictionary(fc.constantFrom('m.room.topic', '__proto__'), anyJson), anyJson),
    notifications: anyJson,
    users_default: anyJson,
    ban: anyJson,
    public_keys: anyJson,
  },
  { requiredKeys: [] },
);

const types = [
  'm.room.create',
  'm.room.member',
  'm.room.power_levels',
  'm.room.join_rules',
  'm.room.third_party_invite',
  'm.room.aliases',
  'm.room.redaction',
  'm.room.topic',
];

test('whatever stands in events and state, there is a verdict with a rule number', () => {
  const described = fc.record({
    version: fc.constantFrom(...roomVersions.keys()),
    type: fc.constantFrom(...types),
    sender: fc.constantFrom(creator, alice, bob),
    stateKey: fc.constantFrom('', alice, bob, 'two.example', undefined),
    content: anyContent,
    createContent: anyContent,
    stateContents: fc.array(
      fc.tuple(fc.constantFrom(...types.slice(1, 5)), fc.constantFrom('', alice, bob), anyContent),
    ),
    members: fc.dictionary(fc.constantFrom(alice, bob), fc.constantFrom('join', 'leave', 'invite', 'ban', 'knock')),
  });
  fc.assert(
    fc.property(described, ({ version, type, sender, stateKey, content, createContent, stateContents, members }) => {
      const state = stateContents.map(([stateType, key, stateContent]) => ({
        type: stateType,
        sender: creator,
        state_key: key,
        content: stateContent,
      }));
      const room = describeRoom({ version, createContent, state, members });
      const event = { type, sender, content, ...(stateKey === undefined ? {} : { state_key: stateKey }) };
      assert.match(room.judge(event), /^(allowed|\d+(\.\d+)*)$/);
      const selected = selectAuthTypes(event, room.version).map((pair) => JSON.stringify(pair));
      assert.equal(new Set(selected).size, selected.length, 'no pair is selected twice');
    }),
    { numRuns: 500 },
  );
});
