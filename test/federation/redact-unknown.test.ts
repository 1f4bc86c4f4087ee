/** Proves that an event which is not here is redacted on the servers that have it, and here as soon as it comes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFederation, type FederatedServer, type FederatedServers } from '#test/support/federated-servers.ts';
import { assertError, encode, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { JsonObject } from '#test/support/matrix-shapes.ts';

describe('redacting what is not here', () => {
  let federation: FederatedServers;
  let near: FederatedServer;
  let far: FederatedServer;
  before(async () => {
    federation = await startFederation(2);
    const [first, second] = federation.servers;
    assert.ok(first && second);
    [near, far] = [first, second];
  });
  after(() => federation[Symbol.asyncDispose]());

  /** A room of Bob's with a message from before Alice, of the other server, came. */
  const together = async (redact: number) => {
    const [alice, bob] = [await near.newUser(uniqueName('alice')), await far.newUser(uniqueName('bob'))];
    const roomId = await bob.createRoom({ preset: 'public_chat', power_level_content_override: { redact } });
    const eventId = await bob.sendText(roomId, 'from before');
    const answer = await alice.raw('POST', `/join/${encode(roomId)}?via=${encode(far.name)}`, { body: {} });
    assert.equal(answer.status, 200, answer.bodyText);
    return { alice, bob, roomId, eventId };
  };
  const redact = (user: MatrixHttp, roomId: string, eventId: string): Promise<Answer> =>
    user.raw('PUT', `/rooms/${encode(roomId)}/redact/${encode(eventId)}/${uniqueName('t')}`, { body: {} });
  const contentSeenBy = async (user: MatrixHttp, roomId: string, eventId: string): Promise<JsonObject | undefined> =>
    (await user.getHistory(roomId, { dir: 'b' })).find((event) => event.event_id === eventId)?.content;
  const untilRedactedFor = async (user: MatrixHttp, roomId: string, eventId: string): Promise<void> => {
    const deadline = Date.now() + 30_000;
    while (Object.keys((await contentSeenBy(user, roomId, eventId)) ?? { none: 0 }).length > 0) {
      assert.ok(Date.now() < deadline, 'the event is redacted');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };

  test('it goes out, and takes effect on the other server and in the history that is fetched later', async () => {
    const { alice, bob, roomId, eventId } = await together(0);
    const answer = await redact(alice, roomId, eventId);
    assert.equal(answer.status, 200, answer.bodyText);
    await untilRedactedFor(bob, roomId, eventId);
    await untilRedactedFor(alice, roomId, eventId);
  });

  test('it takes the level to redact what others sent, and an id that an event can have', async () => {
    const { alice, bob, roomId, eventId } = await together(50);
    assertError(await redact(alice, roomId, eventId), 403, 'M_FORBIDDEN');
    assert.deepEqual((await contentSeenBy(bob, roomId, eventId))?.['body'], 'from before');
    assertError(await redact(bob, roomId, 'no id'), 404, 'M_NOT_FOUND');
  });

  test('an event of another room is answered like one that is nowhere, and keeps its content', async () => {
    const { alice, roomId } = await together(0);
    const own = await alice.createRoom();
    const safe = await alice.sendText(own, 'safe');
    for (const eventId of [safe, `$${'a'.repeat(43)}`]) {
      const answer = await redact(alice, roomId, eventId);
      assert.equal(answer.status, 200, answer.bodyText);
    }
    assert.equal((await contentSeenBy(alice, own, safe))?.['body'], 'safe');
  });
});
