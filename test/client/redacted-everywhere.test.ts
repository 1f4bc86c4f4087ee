/** Owns the test that what was redacted is nowhere to be read any more, whatever the way. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode, request, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const secret = 'unrepeatable-confession';

describe('redacted content', () => {
  const server = useSuiteServer();

  /** Every way in which the event, its relations or its room are read. */
  const readEverything = async (
    user: MatrixHttp,
    roomId: string,
    eventId: string,
    since: string,
  ): Promise<string[]> => {
    const room = `/rooms/${encode(roomId)}`;
    const v1 = (path: string): Promise<Answer> =>
      request(user.baseUrl, 'GET', `/_matrix/client/v1${room}${path}`, { token: user.accessToken });
    const search = { search_categories: { room_events: { search_term: secret, event_context: {} } } };
    const answers = await Promise.all([
      user.raw('GET', `${room}/messages`, { query: { dir: 'b', limit: 100 } }),
      user.raw('GET', `${room}/event/${encode(eventId)}`),
      user.raw('GET', `${room}/context/${encode(eventId)}`, { query: { limit: 50 } }),
      user.raw('GET', `${room}/state`),
      user.raw('GET', `${room}/initialSync`),
      v1(`/relations/${encode(eventId)}`),
      v1(`/threads`),
      user.raw('POST', '/search', { body: search }),
      user.raw('GET', '/notifications'),
      user.raw('GET', '/sync', { query: { filter: JSON.stringify({ room: { timeline: { limit: 50 } } }) } }),
      user.raw('GET', '/sync', { query: { since, filter: JSON.stringify({ event_format: 'federation' }) } }),
      user.raw('GET', '/sync', { query: { since } }),
    ]);
    for (const answer of answers) assert.equal(answer.status, 200, answer.bodyText);
    return answers.map(({ bodyText }) => bodyText);
  };

  for (const kind of ['message', 'edit', 'thread message', 'thread root', 'topic']) {
    it(`of a ${kind} is gone from every answer`, async () => {
      const [alice, bob] = await server.newUsers('alice', 'bob');
      const roomId = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(roomId);
      const { nextBatch: since } = await bob.sync();
      const rootId = await alice.sendText(roomId, kind === 'thread root' ? secret : 'a root');
      const relation = (rel_type: string) => ({ 'm.relates_to': { rel_type, event_id: rootId } });
      const text = { msgtype: 'm.text', body: secret };
      const send = (content: object): Promise<string> =>
        alice.send(roomId, 'm.room.message', { ...text, 'm.mentions': { user_ids: [bob.userId] }, ...content });
      const inThread =
        kind === 'thread root'
          ? await bob.send(roomId, 'm.room.message', { ...text, body: 'x', ...relation('m.thread') })
          : '';
      const sendings: Readonly<Record<string, () => Promise<string>>> = {
        message: () => send({}),
        edit: () => send({ 'm.new_content': text, ...relation('m.replace') }),
        'thread message': () => send(relation('m.thread')),
        'thread root': () => Promise.resolve(rootId),
        topic: () => alice.setState(roomId, 'm.room.topic', { topic: secret }),
      };
      const eventId = (await sendings[kind]?.()) ?? '';
      const before = await readEverything(bob, roomId, rootId, since);
      assert.ok(before.filter((answer) => answer.includes(secret)).length >= 5, 'it could be read before');
      await alice.redact(roomId, eventId);
      const after = await readEverything(bob, roomId, rootId, since);
      // The search repeats what was searched for.
      const found = after.filter((answer) => answer.replace(/"highlights":\[[^\]]*\]/, '').includes(secret));
      assert.deepEqual(found, [], inThread);
    });
  }
});
