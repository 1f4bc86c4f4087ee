/** Proves the second door: an event that is signed already is written as it is, on the head or beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildEvent } from '#matrix/build-event.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { statement } from '#storage/database.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const selectPrevs = statement<{ ids: string[] }>(
  'test_select_prevs',
  `select array_agg(p.event_id) as ids from events e join event_edges g using (event_nid)
   join events p on p.event_nid = g.prev_nid where e.event_id = $1`,
);
const alice = '@alice:hs1.test';
const state = (type: string, stateKey: string, content: Record<string, string>) => ({
  sender: alice,
  type,
  state_key: stateKey,
  content,
});

test('a sealed event keeps its id; one that stands on an older event is a branch, which the next event ends', async () => {
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

  const beside = seal(name, 'beside it');
  const late = await parts.persistEvents({ room: { roomId }, events: [{ sealed: beside }] });
  assert.deepEqual(late.statuses, ['accepted']);
  const draft = { sender: alice, type: 'm.room.message', content: { msgtype: 'm.text', body: 'goes on' } };
  const next = await parts.persistEvents({ room: { roomId }, events: [draft] });
  assert.equal(parts.facts.length, 6);
  const [row] = await parts.database.query(selectPrevs, [next.eventIds[0]]);
  assert.deepEqual(row?.ids.toSorted(), [sealed.eventId, beside.eventId].toSorted());
});
