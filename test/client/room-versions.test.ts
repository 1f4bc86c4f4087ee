/** Owns the tests that rooms of every version can be made and lived in. Specification: "Room Versions". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode } from '#test/support/matrix-http.ts';
import { asObject, findState } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const versions = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'];

describe('room versions', () => {
  const server = useSuiteServer();

  for (const version of versions) {
    it(`make a room of version ${version}, in which people talk, are redacted, banned and let in again`, async () => {
      const [alice, bob] = await server.newUsers('alice', 'bob');
      const roomId = await alice.createRoom({
        room_version: version,
        preset: 'public_chat',
        name: `Version ${version}`,
      });
      const created = findState(await alice.getFullState(roomId), 'm.room.create');
      assert.equal(created?.content['room_version'], version);
      await bob.join(roomId);
      const said = await bob.sendText(roomId, 'hello');
      assert.match(said, Number(version) < 3 ? /^\$[A-Za-z]+:hs1\.test$/ : /^\$[A-Za-z0-9_+/-]{43}$/);
      const redaction = await alice.redact(roomId, said, 'no greetings');
      const history = await bob.getHistory(roomId);
      const redacted = history.find((event) => event.event_id === said);
      assert.deepEqual(redacted?.content, {});
      assert.equal(asObject(redacted.unsigned['redacted_because'], 'redacted_because')['event_id'], redaction);
      assert.equal(history.find((event) => event.event_id === redaction)?.content['redacts'], said);
      const body = { user_id: bob.userId };
      assert.equal((await alice.raw('POST', `/rooms/${encode(roomId)}/ban`, { body })).status, 200);
      assertError(await bob.raw('POST', `/join/${encode(roomId)}`, { body: {} }), 403, 'M_FORBIDDEN');
      assert.equal((await alice.raw('POST', `/rooms/${encode(roomId)}/unban`, { body })).status, 200);
      await bob.join(roomId);
      const members = await alice.getMembers(roomId, { membership: 'join' });
      assert.equal(members.length, 2);
    });
  }

  it('say in the capabilities that they can all be made', async () => {
    const [alice] = await server.newUsers('alice');
    const { body } = await alice.raw('GET', '/capabilities');
    const rooms = asObject(asObject(body['capabilities'], 'capabilities')['m.room_versions'], 'm.room_versions');
    assert.deepEqual(Object.keys(asObject(rooms['available'], 'available')), versions);
  });
});
