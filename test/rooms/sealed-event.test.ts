/** Proves the second door: an event that is signed already is written as it is, if it stands on the head. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildEvent } from '#matrix/build-event.ts';
import { MatrixError } from '#matrix/error.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const alice = '@alice:hs1.test';
const state = (type: string, stateKey: string, content: Record<string, string>) => ({
  sender: alice,
  type,
  state_key: stateKey,
  content,
});

test('a sealed event keeps its id; one that stands on an older event is refused and changes nothing', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const version = findRoomVersion('12');
  assert.ok(version);
  const { roomId, eventIds } = await parts.persistEvents({
    room: { create: version },
    events: [
      state('m.room.create', '', { room_version: '12' }),
      state('m.room.member', alice, { membership: 'join' }),
      state('m.room.name', '', { name: 'sealed' }),
    ],
  });
  const [, member, name] = eventIds;
  assert.ok(member !== undefined && name !== undefined);
  const seal = (prevEvent: string, body: string) => {
    const content = { msgtype: 'm.text', body };
    const verdict = buildEvent(
      { sender: alice, type: 'm.room.message', room_id: roomId, content },
      { version, prevEvents: [prevEvent], authEvents: [member], depth: 4, originServerTs: 1, signer: parts.signer },
    );
    assert.ok(verdict.ok);
    return verdict.event;
  };
  const sealed = seal(name, 'on the head');
  const written = await parts.persistEvents({ room: { roomId }, events: [{ sealed }] });
  assert.deepEqual(written.eventIds, [sealed.eventId]);
  assert.equal(parts.facts.at(-1)?.eventId, sealed.eventId);

  const late = parts.persistEvents({ room: { roomId }, events: [{ sealed: seal(name, 'too late') }] });
  await assert.rejects(late, (error: unknown) => error instanceof MatrixError && error.errcode === 'M_BAD_STATE');
  const draft = { sender: alice, type: 'm.room.message', content: { msgtype: 'm.text', body: 'goes on' } };
  await parts.persistEvents({ room: { roomId }, events: [draft] });
  assert.equal(parts.facts.length, 5);
});
