/** Owns the tests of erased accounts. Specification: "Account deactivation", `erase`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { confirmed } from '#test/support/confirmed.ts';
import { encode, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, type ClientEvent } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { contentsOfRoom } from '#test/support/sync-sections.ts';

describe('an erased account', () => {
  const server = useSuiteServer();

  const bodyIn = (events: readonly ClientEvent[], eventId: string): unknown => {
    const event = events.find((each) => each.event_id === eventId);
    assert.ok(event !== undefined, 'the event itself stays');
    return event.content['body'];
  };
  const historyOf = (user: MatrixHttp, roomId: string): Promise<ClientEvent[]> => user.getHistory(roomId);

  it('is told to whoever was there, and redacted to whoever comes later', async () => {
    const [alice, bob, carol, dora] = await server.newUsers('alice', 'bob', 'carol', 'dora');
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Room of the erased' });
    await bob.join(roomId);
    const eventId = await alice.sendText(roomId, 'to be erased');
    const others = await bob.sendText(roomId, 'to be kept');
    await dora.join(roomId);
    await dora.leave(roomId);
    assert.equal((await confirmed(alice, 'POST', '/account/deactivate', { erase: true })).status, 200);
    await carol.join(roomId);

    assert.equal(bodyIn(await historyOf(bob, roomId), eventId), 'to be erased');
    const seen = await historyOf(carol, roomId);
    assert.equal(bodyIn(seen, eventId), undefined);
    assert.equal(bodyIn(seen, others), 'to be kept');
    assert.equal(
      (await carol.getState(roomId, 'm.room.name'))['name'],
      'Room of the erased',
      'the room stands on its state',
    );
    const single = await carol.raw('GET', `/rooms/${encode(roomId)}/event/${encode(eventId)}`);
    assert.deepEqual(single.body['content'], {});
    const found = async (user: MatrixHttp): Promise<unknown[]> => {
      const criteria = { search_term: 'erased', keys: ['content.body'], filter: { rooms: [roomId] } };
      const { body } = await user.raw('POST', '/search', { body: { search_categories: { room_events: criteria } } });
      const { count, results } = asObject(asObject(body['search_categories'], 'categories')['room_events'], 'events');
      return [count, asArray(results, 'results').length];
    };
    for (const deadline = Date.now() + 20_000; Date.now() < deadline && (await found(bob))[0] !== 1;);
    assert.deepEqual(await found(bob), [1, 1]);
    assert.deepEqual(await found(carol), [0, 0], 'nobody learns from a search which words are under a redaction');
    const filter = { room: { timeline: { limit: 50 } } };
    const synced = (await carol.sync({ filter })).join.get(roomId)?.timeline ?? [];
    assert.equal(bodyIn(synced, eventId), undefined);
    const kept = (await bob.sync({ filter })).join.get(roomId)?.timeline ?? [];
    assert.equal(bodyIn(kept, eventId), 'to be erased');
  });

  it('is told whole when it is not erased', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const eventId = await alice.sendText(roomId, 'stays');
    assert.equal((await confirmed(alice, 'POST', '/account/deactivate')).status, 200);
    await bob.join(roomId);
    assert.equal(bodyIn(await historyOf(bob, roomId), eventId), 'stays');
  });

  it('says of nobody any more how far they have read', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(roomId);
    const eventId = await bob.sendText(roomId, 'read by both');
    for (const reader of [alice, bob]) {
      const path = `/rooms/${encode(roomId)}/receipt/m.read/${encode(eventId)}`;
      assert.equal((await reader.raw('POST', path, { body: {} })).status, 200);
    }
    const readers = async (): Promise<string[]> => {
      const receipts = contentsOfRoom(await bob.sync(), roomId, 'ephemeral')['m.receipt'] ?? {};
      const ofEvent = asObject(receipts[eventId] ?? {}, 'receipts of the event');
      return Object.keys(asObject(ofEvent['m.read'] ?? {}, 'm.read')).toSorted();
    };
    assert.deepEqual(await readers(), [alice.userId, bob.userId].toSorted());
    assert.equal((await confirmed(alice, 'POST', '/account/deactivate', { erase: true })).status, 200);
    assert.deepEqual(await readers(), [bob.userId]);
  });

  it('has no account data any more', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const path = `/user/${encode(alice.userId)}/account_data/org.example.note`;
    assert.equal((await alice.raw('PUT', path, { body: { note: 'x' } })).status, 200);
    assert.equal((await confirmed(alice, 'POST', '/account/deactivate', { erase: true })).status, 200);
    assert.equal((await alice.raw('GET', path)).status, 401);
    assert.equal((await bob.raw('GET', `/profile/${encode(alice.userId)}`)).status, 404);
  });
});
