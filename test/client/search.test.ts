/** Owns the tests of the search. Specification: Client-Server API, "Server Side Search". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asArray, asObject, readEvents, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

type Found = {
  readonly ids: readonly string[];
  readonly results: readonly JsonObject[];
  readonly raw: JsonObject;
  readonly next: string | undefined;
};

const ask = (user: MatrixHttp, criteria: JsonObject, nextBatch?: string): Promise<Answer> =>
  user.raw('POST', '/search', {
    body: { search_categories: { room_events: criteria } },
    query: { next_batch: nextBatch },
  });

async function find(user: MatrixHttp, term: string, criteria: JsonObject = {}, nextBatch?: string): Promise<Found> {
  const answer = await ask(user, { search_term: term, ...criteria }, nextBatch);
  assert.equal(answer.status, 200, answer.bodyText);
  const raw = asObject(asObject(answer.body['search_categories'], 'search_categories')['room_events'], 'room_events');
  const results = asArray(raw['results'], 'results').map((each) => asObject(each, 'result'));
  const next = raw['next_batch'] === undefined ? undefined : text(raw, 'next_batch');
  const ids = readEvents(
    results.map((each) => each['result']),
    'results',
  ).map((event) => event.event_id);
  return { ids, results, raw, next };
}

describe('search', () => {
  const server = useSuiteServer();

  it('finds what was just said, and nothing that others say elsewhere', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom();
    const eventId = await alice.sendText(roomId, 'Martians have landed');
    const other = await bob.createRoom();
    await bob.sendText(other, 'Martians here too');
    const found = await find(alice, 'martians');
    assert.deepEqual(found.ids, [eventId]);
    assert.equal(found.raw['count'], 1);
    assert.deepEqual(found.raw['highlights'], ['martians']);
    assert.deepEqual((await find(alice, 'martians landed moon')).ids, []);
  });

  it('no longer finds what was redacted', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const eventId = await alice.sendText(roomId, 'embarrassing confession');
    assert.deepEqual((await find(bob, 'confession')).ids, [eventId]);
    await alice.redact(roomId, eventId);
    const after = await find(bob, 'confession');
    assert.deepEqual([after.ids, after.raw['count']], [[], 0]);
  });

  it('searches names and topics too, or only the keys asked for', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    const named = await alice.setState(roomId, 'm.room.name', { name: 'Zeppelin hangar' });
    const topic = { topic: 'x', 'm.topic': { 'm.text': [{ body: 'Zeppelin news' }] } };
    const described = await alice.setState(roomId, 'm.room.topic', topic);
    const said = await alice.sendText(roomId, 'a zeppelin');
    const all = await find(alice, 'zeppelin', { order_by: 'recent' });
    assert.deepEqual(all.ids, [said, described, named]);
    assert.deepEqual((await find(alice, 'zeppelin', { keys: ['content.name'] })).ids, [named]);
    assert.deepEqual((await find(alice, 'zeppelin', { keys: ['content.topic'] })).ids, [described]);
  });

  it('shows those who left what they saw, and newcomers what they may see', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const visibility = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } };
    const roomId = await alice.createRoom({ preset: 'public_chat', initial_state: [visibility] });
    await bob.join(roomId);
    const shared = await alice.sendText(roomId, 'pineapple one');
    await bob.leave(roomId);
    const later = await alice.sendText(roomId, 'pineapple two');
    await carol.join(roomId);
    const last = await alice.sendText(roomId, 'pineapple three');
    const of = async (user: MatrixHttp) => (await find(user, 'pineapple', { order_by: 'recent' })).ids;
    assert.deepEqual(await of(alice), [last, later, shared]);
    assert.deepEqual(await of(bob), [shared]);
    assert.deepEqual(await of(carol), [last]);
    const count = async (user: MatrixHttp) => (await find(user, 'pineapple')).raw['count'];
    assert.deepEqual([await count(alice), await count(bob), await count(carol)], [3, 1, 1], 'nor do numbers tell');
  });

  it('leaves out rooms with encryption', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom({ name: 'Secret lair' });
    assert.equal((await find(alice, 'lair')).ids.length, 1);
    await alice.setState(roomId, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' });
    assert.deepEqual((await find(alice, 'lair')).ids, []);
  });

  it('pages through everything once, in either order, and only with the same request', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const sent: string[] = [];
    for (let i = 0; i < 7; i += 1) sent.push(await alice.sendText(roomId, `walrus ${'and more '.repeat(i)}`));
    for (const order of ['recent', 'rank']) {
      const criteria = { order_by: order, filter: { limit: 3 } };
      const pages: string[][] = [];
      let token: string | undefined;
      do {
        const page: Found = await find(alice, 'walrus', criteria, token);
        assert.equal(page.raw['count'], 7);
        pages.push([...page.ids]);
        token = page.next;
      } while (token !== undefined && pages.length < 5);
      assert.deepEqual(
        pages.map((page) => page.length),
        [3, 3, 1, 0],
      );
      assert.deepEqual(new Set(pages.flat()), new Set(sent));
      if (order === 'recent') assert.deepEqual(pages.flat(), sent.toReversed());
      else assert.equal(pages[0]?.[0], sent[0], 'the shortest text is the best match');
    }
    const { next } = await find(alice, 'walrus', { filter: { limit: 3 } });
    const body = { search_term: 'walrus', filter: { limit: 3 } };
    assertError(await ask(alice, { ...body, search_term: 'other' }, next), 400, 'M_INVALID_PARAM');
    assertError(await ask(bob, body, next), 400, 'M_INVALID_PARAM');
    assertError(await ask(alice, body, 'nonsense'), 400, 'M_INVALID_PARAM');
  });

  it('gives context, profiles of the time, groups and state when asked', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Kitchen' });
    await bob.join(roomId);
    const other = await alice.createRoom();
    const first = await alice.sendText(roomId, 'before');
    const eventId = await bob.sendText(roomId, 'marmalade');
    const second = await alice.sendText(roomId, 'after');
    const elsewhere = await alice.sendText(other, 'marmalade again');
    const found = await find(alice, 'marmalade', {
      order_by: 'recent',
      event_context: { before_limit: 1, after_limit: 1, include_profile: true },
      groupings: { group_by: [{ key: 'room_id' }, { key: 'sender' }] },
      include_state: true,
    });
    assert.deepEqual(found.ids, [elsewhere, eventId]);
    const context = asObject(found.results[1]?.['context'], 'context');
    assert.equal(readEvents(context['events_before'], 'before')[0]?.event_id, first);
    assert.equal(readEvents(context['events_after'], 'after')[0]?.event_id, second);
    const profiles = asObject(context['profile_info'], 'profile_info');
    assert.deepEqual(Object.keys(profiles).toSorted(), [alice.userId, bob.userId].toSorted());
    const groups = asObject(found.raw['groups'], 'groups');
    const byRoom = asObject(groups['room_id'], 'room_id');
    assert.deepEqual(asObject(byRoom[roomId], roomId)['results'], [eventId]);
    assert.deepEqual(asObject(asObject(groups['sender'], 'sender')[alice.userId], 'alice')['results'], [elsewhere]);
    const state = readEvents(asObject(found.raw['state'], 'state')[roomId], 'state');
    assert.ok(state.some((event) => event.content['name'] === 'Kitchen'));
    const backwards = await alice.getMessages(roomId, { dir: 'b', from: text(context, 'start'), limit: 1 });
    assert.notEqual(backwards.chunk[0]?.event_id, first, 'the start of the context goes on before it');
  });

  it('shows around what is found nothing of users whom the searcher ignores', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const before = await alice.sendText(roomId, 'before');
    await bob.sendText(roomId, 'spam');
    await alice.sendText(roomId, 'wombat');
    await bob.sendText(roomId, 'spam');
    const after = await alice.sendText(roomId, 'after');
    const path = `/user/${encode(alice.userId)}/account_data/m.ignored_user_list`;
    await alice.raw('PUT', path, { body: { ignored_users: { [bob.userId]: {} } } });
    const found = await find(alice, 'wombat', { event_context: { before_limit: 1, after_limit: 1 } });
    const context = asObject(found.results[0]?.['context'], 'context');
    assert.equal(readEvents(context['events_before'], 'before')[0]?.event_id, before);
    assert.equal(readEvents(context['events_after'], 'after')[0]?.event_id, after);
  });

  it('obeys the filter', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const [byAlice, byBob] = [await alice.sendText(roomId, 'quokka'), await bob.sendText(roomId, 'quokka')];
    const other = await alice.createRoom();
    const elsewhere = await alice.sendText(other, 'quokka');
    const by = async (filter: JsonObject) => (await find(alice, 'quokka', { order_by: 'recent', filter })).ids;
    assert.deepEqual(await by({ senders: [bob.userId] }), [byBob]);
    assert.deepEqual(await by({ not_senders: [bob.userId] }), [elsewhere, byAlice]);
    assert.deepEqual(await by({ rooms: [other] }), [elsewhere]);
    assert.deepEqual(await by({ not_rooms: [other] }), [byBob, byAlice]);
  });

  it('refuses what is no search', async () => {
    const [alice] = await server.newUsers('alice');
    for (const criteria of [{}, { search_term: 5 }, { search_term: 'x', order_by: 'luck' }]) {
      assertError(await ask(alice, criteria), 400);
    }
    assert.equal((await alice.raw('POST', '/search', { body: { search_categories: {} } })).status, 200);
    assert.deepEqual((await find(alice, '???')).ids, []);
  });
});
