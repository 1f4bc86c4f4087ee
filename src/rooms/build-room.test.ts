/** Owns the tests of what a new room consists of. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isUserId } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { buildRoomEvents, checkCreationContent, roomPresets, type NewRoom } from '#rooms/build-room.ts';
import type { DraftEvent } from '#rooms/persist-request.ts';

const alice = { userId: '@alice:one.test', displayname: 'Alice', avatarUrl: undefined };
const bob = { userId: '@bob:one.test', displayname: undefined, avatarUrl: 'mxc://one.test/bob' };

function build(versionId: string, changes: Partial<NewRoom> = {}): DraftEvent[] {
  const version = findRoomVersion(versionId);
  assert.ok(version);
  return buildRoomEvents({
    version,
    creator: alice,
    preset: 'private_chat',
    creationContent: {},
    powerLevelOverride: {},
    initialState: [],
    name: undefined,
    topic: undefined,
    invited: [],
    invitedElsewhere: [],
    isDirect: false,
    ...changes,
  });
}

function content(events: readonly DraftEvent[], type: string, stateKey = ''): JsonObject {
  const found = events.filter((event) => event.type === type && event.state_key === stateKey);
  assert.equal(found.length, 1, `${type} "${stateKey}" once`);
  return found[0]?.content ?? {};
}

describe('the events of a new room', () => {
  it('come in the order of the specification', () => {
    const events = build('12', {
      name: 'Name',
      topic: 'Topic',
      initialState: [{ type: 'org.example', state_key: 'k', content: {} }],
      invited: [bob],
    });
    assert.deepEqual(
      events.map((event) => [event.type, event.state_key]),
      [
        ['m.room.create', ''],
        ['m.room.member', alice.userId],
        ['m.room.power_levels', ''],
        ['m.room.join_rules', ''],
        ['m.room.history_visibility', ''],
        ['m.room.guest_access', ''],
        ['org.example', 'k'],
        ['m.room.name', ''],
        ['m.room.topic', ''],
        ['m.room.member', bob.userId],
      ],
    );
    assert.ok(events.every((event) => event.sender === alice.userId));
  });

  for (const preset of roomPresets) {
    for (const version of ['10', '11', '12']) {
      it(`follow preset ${preset} in version ${version}`, () => {
        const events = build(version, { preset, invited: [bob] });
        const isPublic = preset === 'public_chat';
        assert.equal(content(events, 'm.room.join_rules')['join_rule'], isPublic ? 'public' : 'invite');
        assert.equal(content(events, 'm.room.history_visibility')['history_visibility'], 'shared');
        assert.equal(content(events, 'm.room.guest_access')['guest_access'], isPublic ? 'forbidden' : 'can_join');
        assert.equal(content(events, 'm.room.power_levels')['invite'], isPublic ? 50 : 0);
        const isTrusted = preset === 'trusted_private_chat';
        const old = isTrusted ? { [alice.userId]: 100, [bob.userId]: 100 } : { [alice.userId]: 100 };
        assert.deepEqual(content(events, 'm.room.power_levels')['users'], version === '12' ? {} : old);
        assert.deepEqual(content(events, 'm.room.create'), {
          room_version: version,
          ...(version === '10' && { creator: alice.userId }),
          ...(version === '12' && isTrusted && { additional_creators: [bob.userId] }),
        });
      });
    }
  }

  it('let initial_state take the place of the preset, but not where its key differs', () => {
    const events = build('12', {
      initialState: [
        { type: 'm.room.join_rules', content: { join_rule: 'knock' } },
        { type: 'm.room.guest_access', state_key: 'other', content: {} },
      ],
    });
    assert.deepEqual(content(events, 'm.room.join_rules'), { join_rule: 'knock' });
    assert.deepEqual(content(events, 'm.room.guest_access'), { guest_access: 'can_join' });
  });

  it('replace whole keys of the power levels, and always ask more for a tombstone in version 12', () => {
    const [old, latest] = [content(build('11'), 'm.room.power_levels'), content(build('12'), 'm.room.power_levels')];
    assert.partialDeepStrictEqual(old, { events: { 'm.room.tombstone': 100 } });
    assert.partialDeepStrictEqual(latest, { events: { 'm.room.tombstone': 150 } });
    const overridden = build('12', { powerLevelOverride: { events: { 'org.example': 1 }, kick: 10 } });
    const levels = content(overridden, 'm.room.power_levels');
    const named = { 'org.example': 1, 'm.room.tombstone': 150 };
    assert.deepEqual([levels['events'], levels['kick'], levels['ban']], [named, 10, 50]);
  });

  it('keep creation_content without what the server decides, and add creators to those it names', () => {
    const events = build('12', {
      preset: 'trusted_private_chat',
      invited: [bob],
      creationContent: {
        creator: '@x:y.test',
        room_version: '1',
        type: 'm.space',
        additional_creators: ['@carol:two.test', bob.userId],
      },
    });
    assert.deepEqual(content(events, 'm.room.create'), {
      room_version: '12',
      type: 'm.space',
      additional_creators: ['@carol:two.test', bob.userId],
    });
  });

  it('name the members and mark direct chats', () => {
    const events = build('12', { invited: [bob], isDirect: true, topic: 'T' });
    assert.deepEqual(content(events, 'm.room.member', alice.userId), { membership: 'join', displayname: 'Alice' });
    assert.deepEqual(content(events, 'm.room.member', bob.userId), {
      membership: 'invite',
      avatar_url: 'mxc://one.test/bob',
      is_direct: true,
    });
    assert.deepEqual(content(events, 'm.room.topic'), {
      topic: 'T',
      'm.topic': { 'm.text': [{ body: 'T', mimetype: 'text/plain' }] },
    });
  });
});

describe('creation_content', () => {
  it('may say what the create event may', () => {
    const good = { 'm.federate': false, type: 'm.space', additional_creators: [bob.userId], predecessor: {}, x: 1 };
    assert.equal(checkCreationContent(good, isUserId), undefined);
  });

  it('is refused with the name of what is wrong', () => {
    const wrong: [JsonObject, RegExp][] = [
      [{ 'm.federate': 'no' }, /federate/],
      [{ type: 7 }, /type/],
      [{ predecessor: '!room:one.test' }, /predecessor/],
      [{ additional_creators: bob.userId }, /additional_creators/],
      [{ additional_creators: ['bob'] }, /additional_creators/],
    ];
    for (const [given, message] of wrong) assert.match(checkCreationContent(given, isUserId) ?? '', message);
  });
});
