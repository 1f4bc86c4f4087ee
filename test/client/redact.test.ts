/** Owns the tests of redactions. Specification: "Redactions" and the redaction rules of room versions 10, 11 and 12. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, findState, type ClientEvent } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

describe('redact', () => {
  const server = useSuiteServer();

  const together = async (version: string): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };
  const find = async (reader: MatrixHttp, roomId: string, eventId: string): Promise<ClientEvent> => {
    const event = (await reader.getHistory(roomId)).find((one) => one.event_id === eventId);
    assert.ok(event, `${eventId} is in the history`);
    return event;
  };
  const tryToRedact = (user: MatrixHttp, roomId: string, eventId: string, txnId = uniqueName('t')): Promise<Answer> =>
    user.raw('PUT', `/rooms/${encode(roomId)}/redact/${encode(eventId)}/${txnId}`, { body: {} });

  for (const version of ['10', '11', '12']) {
    it(`strips a message in version ${version} for everybody, and says why`, async () => {
      const [roomId, alice, bob] = await together(version);
      const eventId = await alice.sendText(roomId, 'regretted');
      const since = (await bob.sync()).nextBatch;
      const redactionId = await alice.redact(roomId, eventId, 'a slip');
      for (const reader of [alice, bob]) {
        const event = await find(reader, roomId, eventId);
        assert.deepEqual(event.content, {});
        assert.deepEqual([event.type, event.sender], ['m.room.message', alice.userId]);
        const because = asObject(event.unsigned['redacted_because'], 'redacted_because');
        assert.equal(because['event_id'], redactionId);
        assert.equal(asObject(because['content'], 'content')['reason'], 'a slip');
      }
      const redaction = (await bob.sync({ since })).join.get(roomId)?.timeline[0];
      assert.equal(redaction?.event_id, redactionId);
      assert.equal(redaction.type, 'm.room.redaction');
      assert.equal(redaction.raw['redacts'], eventId, 'clients find redacts at the top level in every version');
      assert.equal(redaction.content['redacts'], eventId, 'and in the content');
    });

    it(`keeps what the protocol needs in version ${version}`, async () => {
      const [roomId, alice, bob] = await together(version);
      const member = { membership: 'join', displayname: 'Bobby', 'org.example.extra': 1 };
      const memberId = await bob.setState(roomId, 'm.room.member', member, bob.userId);
      const nameId = await alice.setState(roomId, 'm.room.name', { name: 'A name' });
      await alice.redact(roomId, memberId);
      await alice.redact(roomId, nameId);
      assert.deepEqual((await find(bob, roomId, memberId)).content, { membership: 'join' });
      assert.deepEqual(await bob.getState(roomId, 'm.room.name'), {}, 'the name is removed, not set back');
      assert.equal(findState(await bob.getFullState(roomId), 'm.room.name')?.event_id, nameId);
      await bob.sendText(roomId, 'I am still here');
    });

    it(`takes a redaction through /send in version ${version}`, async () => {
      const [roomId, alice, bob] = await together(version);
      const eventId = await alice.sendText(roomId, 'regretted');
      const redactionId = await alice.send(roomId, 'm.room.redaction', { redacts: eventId, reason: 'by send' });
      const event = await find(bob, roomId, eventId);
      assert.deepEqual(event.content, {});
      assert.equal(asObject(event.unsigned['redacted_because'], 'redacted_because')['event_id'], redactionId);
      assert.equal((await find(bob, roomId, redactionId)).raw['redacts'], eventId);
    });

    it(`lets users redact their own events and the powerful all in version ${version}`, async () => {
      const [roomId, alice, bob] = await together(version);
      const [byAlice, byBob] = [await alice.sendText(roomId, 'from Alice'), await bob.sendText(roomId, 'from Bob')];
      assertError(await tryToRedact(bob, roomId, byAlice), 403, 'M_FORBIDDEN');
      assert.equal((await find(bob, roomId, byAlice)).content['body'], 'from Alice');
      assert.equal((await tryToRedact(bob, roomId, byBob)).status, 200);
      assert.deepEqual((await find(alice, roomId, byBob)).content, {});
      const another = await bob.sendText(roomId, 'again from Bob');
      assert.equal((await tryToRedact(alice, roomId, another)).status, 200);
      assert.deepEqual((await find(bob, roomId, another)).content, {});
    });
  }

  it('makes one redaction of a transaction id', async () => {
    const [roomId, alice] = await together('12');
    const eventId = await alice.sendText(roomId, 'regretted');
    const [first, second] = [
      await tryToRedact(alice, roomId, eventId, 'same'),
      await tryToRedact(alice, roomId, eventId, 'same'),
    ];
    assert.equal(first.status, 200, first.bodyText);
    assert.deepEqual(second.body, first.body);
    const redactions = (await alice.getHistory(roomId)).filter((event) => event.type === 'm.room.redaction');
    assert.equal(redactions.length, 1);
  });

  it('does not reach into another room', async () => {
    const [roomId, alice, bob] = await together('12');
    const eventId = await alice.sendText(roomId, 'safe');
    const own = await bob.createRoom();
    const answer = await tryToRedact(bob, own, eventId);
    if (answer.status !== 200) assertError(answer, answer.status);
    assert.equal((await find(alice, roomId, eventId)).content['body'], 'safe');
  });

  it('finds no unknown event in a room that no other server is in', async () => {
    const [roomId, alice] = await together('12');
    assertError(await tryToRedact(alice, roomId, `$${'a'.repeat(43)}`), 404, 'M_NOT_FOUND');
  });

  it('is refused to those outside', async () => {
    const [roomId, alice] = await together('12');
    const [carol] = await server.newUsers('carol');
    const eventId = await alice.sendText(roomId, 'safe');
    assertError(await tryToRedact(carol, roomId, eventId), 403, 'M_FORBIDDEN');
    assert.equal((await find(alice, roomId, eventId)).content['body'], 'safe');
  });

  it('serves a redacted event stripped to a sync that begins later', async () => {
    const [roomId, alice, bob] = await together('12');
    const eventId = await alice.sendText(roomId, 'regretted');
    await alice.redact(roomId, eventId);
    const timeline = (await bob.sync({ filter: { room: { timeline: { limit: 50 } } } })).join.get(roomId)?.timeline;
    const event = timeline?.find((one) => one.event_id === eventId);
    assert.deepEqual(event?.content, {});
    asObject(event?.unsigned['redacted_because'], 'redacted_because');
  });
});
