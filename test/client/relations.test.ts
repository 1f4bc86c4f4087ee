/** Owns the tests of relations. Specification: Client-Server API, "Forming relationships between events" and its modules. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, request, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, readEvents, type ClientEvent, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

type Relation = { readonly rel_type: string; readonly event_id: string; readonly key?: string };
const relatesTo = (rel_type: string, event_id: string, key?: string): { 'm.relates_to': Relation } => ({
  'm.relates_to': { rel_type, event_id, ...(key !== undefined && { key }) },
});
const edit = (user: MatrixHttp, roomId: string, parentId: string, body: string): Promise<string> =>
  user.send(roomId, 'm.room.message', {
    msgtype: 'm.text',
    body: `* ${body}`,
    'm.new_content': { msgtype: 'm.text', body },
    ...relatesTo('m.replace', parentId),
  });
const inThread = (user: MatrixHttp, roomId: string, rootId: string, body: string): Promise<string> =>
  user.send(roomId, 'm.room.message', { msgtype: 'm.text', body, ...relatesTo('m.thread', rootId) });

const v1 = (user: MatrixHttp, path: string, query: Record<string, string | number | boolean> = {}): Promise<Answer> =>
  request(user.baseUrl, 'GET', `/_matrix/client/v1${path}`, { token: user.accessToken, query });
const relations = (
  user: MatrixHttp,
  roomId: string,
  rest: string,
  query: Record<string, string | number | boolean> = {},
): Promise<Answer> => v1(user, `/rooms/${encode(roomId)}/relations/${rest}`, query);
const chunkOf = (answer: Answer): ClientEvent[] => readEvents(answer.body['chunk'], 'chunk');
const idsOf = (answer: Answer): string[] => chunkOf(answer).map((event) => event.event_id);
const aggregationsOf = (event: ClientEvent | undefined): JsonObject =>
  event?.unsigned['m.relations'] === undefined ? {} : asObject(event.unsigned['m.relations'], 'm.relations');
const bundledId = (event: ClientEvent | undefined, relType: string): unknown => {
  const bundle = aggregationsOf(event)[relType];
  return bundle === undefined ? undefined : asObject(bundle, relType)['event_id'];
};

describe('relations', () => {
  const server = useSuiteServer();

  const together = async (): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };
  const getEvent = async (user: MatrixHttp, roomId: string, eventId: string): Promise<ClientEvent> => {
    const answer = await user.raw('GET', `/rooms/${encode(roomId)}/event/${encode(eventId)}`);
    const [event] = readEvents([JSON.parse(answer.bodyText)], 'event');
    assert.ok(event, answer.bodyText);
    return event;
  };
  const inHistory = async (user: MatrixHttp, roomId: string, eventId: string): Promise<ClientEvent | undefined> =>
    (await user.getHistory(roomId)).find((event) => event.event_id === eventId);

  it('bundles the newest edit with its original, wherever that is read, and leaves its content alone', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'first');
    await edit(alice, roomId, eventId, 'second');
    const newest = await edit(alice, roomId, eventId, 'third');
    const inSync = (await bob.sync({ filter: { room: { timeline: { limit: 3 } } } })).join.get(roomId);
    assert.ok(inSync?.limited);
    const seen = [
      await getEvent(bob, roomId, eventId),
      await inHistory(bob, roomId, eventId),
      inSync.timeline.find((event) => event.event_id === eventId),
    ];
    for (const event of seen) {
      assert.equal(event?.content['body'], 'first');
      assert.equal(bundledId(event, 'm.replace'), newest);
    }
    const bundled = asObject(aggregationsOf(seen[0])['m.replace'], 'm.replace');
    assert.equal(asObject(bundled['content'], 'content')['body'], '* third');
    assert.deepEqual(idsOf(await relations(bob, roomId, `${encode(eventId)}/m.replace`))[0], newest);
  });

  it('takes for edits only what the sender of the original may edit', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'mine');
    await edit(bob, roomId, eventId, 'not yours');
    await alice.send(roomId, 'm.sticker', { body: 's', 'm.new_content': {}, ...relatesTo('m.replace', eventId) });
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: '*', ...relatesTo('m.replace', eventId) });
    assert.deepEqual(aggregationsOf(await getEvent(bob, roomId, eventId)), {});
    const valid = await edit(alice, roomId, eventId, 'better');
    await edit(alice, roomId, valid, 'an edit of an edit');
    assert.equal(bundledId(await getEvent(bob, roomId, eventId), 'm.replace'), valid);
    assert.deepEqual(aggregationsOf(await getEvent(bob, roomId, valid)), {});
    const elsewhere = await alice.createRoom();
    await edit(alice, elsewhere, eventId, 'from another room');
    assert.equal(bundledId(await getEvent(bob, roomId, eventId), 'm.replace'), valid);
  });

  it('goes back to the edit before when one is redacted, and to none when the original is', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'first');
    const second = await edit(alice, roomId, eventId, 'secret two');
    const third = await edit(alice, roomId, eventId, 'secret three');
    await alice.redact(roomId, third);
    assert.equal(bundledId(await getEvent(bob, roomId, eventId), 'm.replace'), second);
    const listed = await relations(bob, roomId, encode(eventId));
    assert.deepEqual(idsOf(listed), [second]);
    assert.ok(!listed.bodyText.includes('secret three'));
    await alice.redact(roomId, eventId);
    const redacted = await getEvent(bob, roomId, eventId);
    assert.deepEqual([redacted.content, aggregationsOf(redacted)], [{}, {}]);
    assert.ok(redacted.unsigned['redacted_because'] !== undefined);
  });

  it('lists references, and bundles no annotations', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'a poll');
    const [one, two] = [
      await bob.send(roomId, 'org.example.vote', relatesTo('m.reference', eventId)),
      await alice.send(roomId, 'org.example.vote', relatesTo('m.reference', eventId)),
    ];
    await bob.send(roomId, 'm.reaction', relatesTo('m.annotation', eventId, '👍'));
    assert.deepEqual(aggregationsOf(await getEvent(bob, roomId, eventId)), {
      'm.reference': { chunk: [{ event_id: one }, { event_id: two }] },
    });
  });

  it('refuses the same reaction twice, but not the repeated request', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'nice');
    const content = relatesTo('m.annotation', eventId, '👍');
    const txnId = uniqueName('reaction');
    const first = await bob.send(roomId, 'm.reaction', content, txnId);
    assert.equal(await bob.send(roomId, 'm.reaction', content, txnId), first);
    const path = `/rooms/${encode(roomId)}/send/m.reaction/`;
    assertError(await bob.raw('PUT', path + uniqueName('t'), { body: content }), 400, 'M_DUPLICATE_ANNOTATION');
    await bob.send(roomId, 'm.reaction', relatesTo('m.annotation', eventId, '🎉'));
    await alice.send(roomId, 'm.reaction', content);
    await bob.redact(roomId, first);
    const again = await bob.send(roomId, 'm.reaction', content);
    assert.ok(idsOf(await relations(alice, roomId, `${encode(eventId)}/m.annotation/m.reaction`)).includes(again));
  });

  it('bundles a thread with its newest event as edited, its size and the part the reader took', async () => {
    const [roomId, alice, bob] = await together();
    const rootId = await alice.sendText(roomId, 'root');
    await inThread(alice, roomId, rootId, 'one');
    const last = await inThread(alice, roomId, rootId, 'two');
    const lastEdit = await edit(alice, roomId, last, 'two, edited');
    const threadFor = async (user: MatrixHttp): Promise<JsonObject> =>
      asObject(aggregationsOf(await getEvent(user, roomId, rootId))['m.thread'], 'm.thread');
    const seen = await threadFor(bob);
    assert.deepEqual([seen['count'], seen['current_user_participated']], [2, false]);
    const [latest] = readEvents([seen['latest_event']], 'latest_event');
    assert.equal(latest?.event_id, last);
    assert.equal(bundledId(latest, 'm.replace'), lastEdit);
    assert.equal((await threadFor(alice))['current_user_participated'], true);
    const third = await inThread(bob, roomId, rootId, 'three');
    assert.equal((await threadFor(bob))['current_user_participated'], true);
    await bob.redact(roomId, third);
    const after = await threadFor(bob);
    assert.deepEqual([after['count'], after['current_user_participated']], [2, false]);
    const path = `/rooms/${encode(roomId)}/send/m.room.message/${uniqueName('t')}`;
    const body = { msgtype: 'm.text', body: 'nested', ...relatesTo('m.thread', last) };
    assertError(await bob.raw('PUT', path, { body }), 400, 'M_UNKNOWN');
  });

  it('lists threads by their newest events, in pages, all or those that one took part in', async () => {
    const [roomId, alice, bob] = await together();
    const roots: string[] = [];
    for (const body of ['one', 'two', 'three']) roots.push(await alice.sendText(roomId, body));
    const [one = '', two = '', three = ''] = roots;
    await inThread(alice, roomId, three, 'x');
    await inThread(bob, roomId, two, 'x');
    await inThread(alice, roomId, one, 'x');
    await inThread(alice, roomId, three, 'again');
    const threads = (user: MatrixHttp, query: Record<string, string | number> = {}): Promise<Answer> =>
      v1(user, `/rooms/${encode(roomId)}/threads`, query);
    const all = await threads(bob);
    assert.deepEqual(idsOf(all), [three, one, two]);
    assert.equal(asObject(aggregationsOf(chunkOf(all)[0])['m.thread'], 'm.thread')['count'], 2);
    assert.deepEqual(idsOf(await threads(bob, { include: 'participated' })), [two]);
    const first = await threads(bob, { limit: 2 });
    assert.deepEqual(idsOf(first), [three, one]);
    const rest = await threads(bob, { limit: 2, from: String(first.body['next_batch']) });
    assert.deepEqual([idsOf(rest), rest.body['next_batch']], [[two], undefined]);
    assertError(await threads(bob, { from: 'nonsense' }), 400, 'M_INVALID_PARAM');
    const [carol] = await server.newUsers('carol');
    assertError(await threads(carol), 403, 'M_FORBIDDEN');
  });

  it('pages through relations in both directions, and follows them down', async () => {
    const [roomId, alice, bob] = await together();
    const rootId = await alice.sendText(roomId, 'root');
    const one = await inThread(bob, roomId, rootId, 'one');
    const reaction = await alice.send(roomId, 'm.reaction', relatesTo('m.annotation', one, '👍'));
    const two = await inThread(bob, roomId, rootId, 'two');
    const edited = await edit(bob, roomId, two, 'two!');
    const root = encode(rootId);
    assert.deepEqual(idsOf(await relations(alice, roomId, root)), [two, one]);
    assert.deepEqual(idsOf(await relations(alice, roomId, root, { dir: 'f' })), [one, two]);
    const whole = await relations(alice, roomId, root, { recurse: true });
    assert.deepEqual(idsOf(whole), [edited, two, reaction, one]);
    assert.equal(whole.body['recursion_depth'], 3);
    assert.deepEqual(idsOf(await relations(alice, roomId, `${root}/m.thread`, { recurse: true })), [two, one]);
    const first = await relations(alice, roomId, root, { recurse: true, limit: 3 });
    const next = String(first.body['next_batch']);
    assert.deepEqual(idsOf(first), [edited, two, reaction]);
    assert.deepEqual(idsOf(await relations(alice, roomId, root, { recurse: true, limit: 3, from: next })), [one]);
    const until = await relations(alice, roomId, root, { recurse: true, to: next });
    assert.deepEqual(idsOf(until), [edited, two, reaction]);
  });

  it('tells nobody of children that they may not see', async () => {
    const [roomId, alice, bob] = await together();
    const eventId = await alice.sendText(roomId, 'before');
    const early = await edit(alice, roomId, eventId, 'while Bob was there');
    await bob.leave(roomId);
    await edit(alice, roomId, eventId, 'a secret');
    await inThread(alice, roomId, eventId, 'another secret');
    await alice.send(roomId, 'org.example.vote', relatesTo('m.reference', eventId));
    const event = await getEvent(bob, roomId, eventId);
    assert.deepEqual(Object.keys(aggregationsOf(event)), ['m.replace']);
    assert.equal(bundledId(event, 'm.replace'), early);
    const listed = await relations(bob, roomId, encode(eventId));
    assert.deepEqual(idsOf(listed), [early]);
    const [carol] = await server.newUsers('carol');
    assertError(await relations(carol, roomId, encode(eventId)), 404, 'M_NOT_FOUND');
  });

  it('count for nothing from users whom the reader ignores, whose messages are not shown', async () => {
    const [roomId, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    await carol.join(roomId);
    const rootId = await alice.sendText(roomId, 'root');
    const first = await inThread(alice, roomId, rootId, 'one');
    const spam = await inThread(carol, roomId, rootId, 'spam');
    const vote = await carol.send(roomId, 'org.example.vote', relatesTo('m.reference', rootId));
    const threadOf = async (): Promise<JsonObject> => {
      const bundle = aggregationsOf(await getEvent(bob, roomId, rootId));
      const thread = asObject(bundle['m.thread'], 'm.thread');
      const [latest] = readEvents([thread['latest_event']], 'latest_event');
      return { count: thread['count'], latest: latest?.event_id, references: bundle['m.reference'] };
    };
    assert.deepEqual(await threadOf(), { count: 2, latest: spam, references: { chunk: [{ event_id: vote }] } });
    const path = `/user/${encode(bob.userId)}/account_data/m.ignored_user_list`;
    const ignored = await bob.raw('PUT', path, { body: { ignored_users: { [carol.userId]: {} } } });
    assert.equal(ignored.status, 200);
    assert.deepEqual(await threadOf(), { count: 1, latest: first, references: undefined });
    assert.deepEqual(idsOf(await relations(bob, roomId, encode(rootId))), [first]);
    assert.equal(await inHistory(bob, roomId, spam), undefined);
    assert.ok(
      (await bob.getHistory(roomId)).some((event) => event.state_key === carol.userId),
      'state is shown',
    );
    const context = await bob.raw('GET', `/rooms/${encode(roomId)}/context/${encode(first)}`);
    assert.ok(!context.bodyText.includes(spam));
    const spammed = await carol.sendText(roomId, 'a root by Carol');
    await inThread(alice, roomId, spammed, 'an answer');
    const threads = await v1(bob, `/rooms/${encode(roomId)}/threads`);
    const [root] = chunkOf(threads);
    assert.deepEqual([root?.event_id, root?.content], [spammed, {}], 'a thread of others stays, without her words');
  });
});
