/** Proves that rooms of every version are written in the form of their version, also by a process that did not make them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { referenceHash } from '#matrix/hashes.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { roomVersions } from '#matrix/room-versions.ts';
import type { DraftEvent } from '#rooms/persist-request.ts';
import { statement } from '#storage/database.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const alice = '@alice:hs1.test';
const selectTexts = statement<{ event_id: string; json: string }>(
  'test_select_texts',
  `select event_id, json from events join event_json using (event_nid) where room_nid = $1 order by pos`,
);

for (const version of roomVersions.values()) {
  test(`every event of a room of version ${version.id} names its predecessors as that version does`, async () => {
    await using on = await createMigratedDatabase();
    const creator = version.creatorInContent ? { creator: alice } : {};
    const state = (type: string, content: DraftEvent['content'], stateKey = ''): DraftEvent => ({
      sender: alice,
      type,
      state_key: stateKey,
      content,
    });
    const message = { sender: alice, type: 'm.room.message', content: { msgtype: 'm.text', body: 'hello' } };
    let roomId: string;
    let roomNid: number;
    {
      await using first = await createRoomParts(on);
      const events = [
        state('m.room.create', { ...creator, room_version: version.id }),
        state('m.room.member', { membership: 'join' }, alice),
        message,
      ];
      ({ roomId, roomNid } = await first.persistEvents({ room: { create: version }, events }));
    }
    await using second = await createRoomParts(on);
    const { eventIds } = await second.persistEvents({ room: { roomId }, events: [message, state('m.room.name', {})] });
    const texts = await second.database.query(selectTexts, [roomNid]);
    assert.equal(texts.length, 5);
    assert.equal(eventIds[1], texts[4]?.event_id);
    const known = new Map<string, string>();
    for (const [index, { event_id: eventId, json }] of texts.entries()) {
      const verdict = validatePdu(json, version);
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
      assert.equal(verdict.event.eventId, eventId);
      assert.ok(verdict.event.contentHashMatches);
      const { prev_events: prevEvents, auth_events: authEvents } = verdict.event.pdu;
      assert.equal(prevEvents.length, index === 0 ? 0 : 1);
      for (const reference of [...prevEvents, ...authEvents]) {
        const id = typeof reference === 'string' ? reference : reference[0];
        assert.ok(known.has(id), 'a predecessor comes before');
        assert.deepEqual(reference, version.eventId === 'in-pdu' ? [id, { sha256: known.get(id) }] : id);
      }
      known.set(eventId, referenceHash(JSON.parse(json), version));
    }
  });
}
