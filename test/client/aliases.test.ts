/** Owns the tests of room aliases. Specification: Client-Server API, "Room aliases". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, request, uniqueName, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { findState } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const newAlias = (): string => `#${uniqueName('alias')}:hs1.test`;

describe('room aliases', () => {
  const server = useSuiteServer();

  const path = (alias: string): string => `/directory/room/${encode(alias)}`;
  const set = (user: MatrixHttp, alias: string, roomId: string): Promise<Answer> =>
    user.raw('PUT', path(alias), { body: { room_id: roomId } });
  const get = (alias: string): Promise<Answer> => request(server.baseUrl, 'GET', `/_matrix/client/v3${path(alias)}`);
  const remove = (user: MatrixHttp, alias: string): Promise<Answer> => user.raw('DELETE', path(alias));
  const list = (user: MatrixHttp, roomId: string): Promise<Answer> =>
    user.raw('GET', `/rooms/${encode(roomId)}/aliases`);
  const publish = (user: MatrixHttp, roomId: string, content: object): Promise<Answer> =>
    user.raw('PUT', `/rooms/${encode(roomId)}/state/m.room.canonical_alias`, { body: content });
  /** A public room of Alice in which Bob is too. */
  const together = async (): Promise<[string, MatrixHttp, MatrixHttp]> => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    return [roomId, alice, bob];
  };

  it('lead anybody to a room, by any letters, and into it', async () => {
    const [roomId, , bob] = await together();
    const [carol] = await server.newUsers('carol');
    const alias = `#老虎Â£я🤨👉ඞ ${uniqueName('x')}:hs1.test`;
    assert.equal((await set(bob, alias, roomId)).status, 200);
    assert.deepEqual((await get(alias)).body, { room_id: roomId, servers: ['hs1.test'] });
    assert.deepEqual((await list(bob, roomId)).body, { aliases: [alias] });
    assert.deepEqual((await carol.raw('POST', `/join/${encode(alias)}`, { body: {} })).body, { room_id: roomId });
    assert.equal((await carol.getMembers(roomId, { membership: 'join' })).length, 3);
  });

  it('are refused when they are taken, misshapen, of another server, or of a room that one is not in', async () => {
    const [roomId, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    const alias = newAlias();
    assertError(await set(carol, alias, roomId), 403, 'M_FORBIDDEN');
    assert.equal((await set(alice, alias, roomId)).status, 200);
    assertError(await set(bob, alias, roomId), 409, 'M_UNKNOWN');
    for (const odd of ['#elsewhere:other.test', 'no-sigil:hs1.test', '#no-server', `#${'x'.repeat(255)}:hs1.test`]) {
      assertError(await set(alice, odd, roomId), 400, 'M_INVALID_PARAM');
    }
    assertError(await get('%broken:hs1.test'), 400, 'M_INVALID_PARAM');
    assertError(await get(newAlias()), 404, 'M_NOT_FOUND');
    assertError(await get('#elsewhere:other.test'), 502, 'M_UNKNOWN');
    assertError(await bob.raw('POST', `/join/${encode(newAlias())}`, { body: {} }), 404, 'M_NOT_FOUND');
    assertError(await bob.raw('POST', `/join/${encode('nonsense')}`, { body: {} }), 400, 'M_INVALID_PARAM');
  });

  it('V71: are deleted by their maker or by power over the canonical alias, and by nobody else', async () => {
    const [roomId, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    const [ofAlice, ofBob] = [newAlias(), newAlias()];
    await set(alice, ofAlice, roomId);
    await set(bob, ofBob, roomId);
    assertError(await remove(bob, ofAlice), 403, 'M_FORBIDDEN');
    assertError(await remove(carol, ofAlice), 403, 'M_FORBIDDEN');
    assertError(await set(carol, ofAlice, await carol.createRoom()), 409, 'M_UNKNOWN');
    assert.deepEqual((await list(alice, roomId)).body, { aliases: [ofAlice, ofBob] });
    await bob.leave(roomId);
    assert.equal((await remove(bob, ofBob)).status, 200, 'makers may, wherever they are');
    await bob.join(roomId);
    await set(bob, ofBob, roomId);
    assert.equal((await remove(alice, ofBob)).status, 200, 'whoever may name the room may');
    assertError(await remove(alice, ofBob), 404, 'M_NOT_FOUND');
    assertError(await get(ofBob), 404, 'M_NOT_FOUND');
  });

  it('disappear from the canonical alias when they are deleted, as far as the power of who deletes reaches', async () => {
    const [roomId, alice, bob] = await together();
    const [main, other, ofBob] = [newAlias(), newAlias(), newAlias()];
    await set(alice, main, roomId);
    await set(alice, other, roomId);
    await set(bob, ofBob, roomId);
    await publish(alice, roomId, { alias: main, alt_aliases: [main, other, ofBob] });
    assert.equal((await remove(bob, ofBob)).status, 200);
    const kept = await alice.getState(roomId, 'm.room.canonical_alias');
    assert.deepEqual(kept, { alias: main, alt_aliases: [main, other, ofBob] });
    assert.equal((await remove(alice, main)).status, 200);
    const left = await bob.getState(roomId, 'm.room.canonical_alias');
    assert.deepEqual(left, { alt_aliases: [other, ofBob] });
    await publish(alice, roomId, { alias: other });
    await remove(alice, other);
    assert.deepEqual(await bob.getState(roomId, 'm.room.canonical_alias'), {});
  });

  it('are listed for those in the room and for the readers of a world-readable one', async () => {
    const [roomId, alice, bob] = await together();
    const [carol] = await server.newUsers('carol');
    await set(alice, newAlias(), roomId);
    assertError(await list(carol, roomId), 403, 'M_FORBIDDEN');
    await bob.leave(roomId);
    assertError(await list(bob, roomId), 403, 'M_FORBIDDEN');
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' });
    assert.equal((await list(carol, roomId)).status, 200);
    assertError(await list(carol, '!nowhere:hs1.test'), 403, 'M_FORBIDDEN');
  });

  it('name a room canonically only if they lead to it', async () => {
    const [roomId, alice] = await together();
    const [own, foreign, missing] = [newAlias(), newAlias(), newAlias()];
    await set(alice, own, roomId);
    await set(alice, foreign, await alice.createRoom());
    for (const content of [{ alias: missing }, { alias: foreign }, { alias: own, alt_aliases: [missing] }]) {
      assertError(await publish(alice, roomId, content), 400, 'M_BAD_ALIAS');
    }
    for (const content of [{ alias: '%own:hs1.test' }, { alias: 5 }, { alt_aliases: own }, { alt_aliases: [null] }]) {
      assertError(await publish(alice, roomId, content), 400, 'M_INVALID_PARAM');
    }
    assert.equal((await publish(alice, roomId, { alias: own, alt_aliases: [own] })).status, 200);
    await remove(alice, own);
    await set(alice, own, roomId);
    for (const content of [{ alias: null }, { alias: '' }, {}, { alias: own }]) {
      assert.equal((await publish(alice, roomId, content)).status, 200, JSON.stringify(content));
    }
    const state = await alice.getFullState(roomId);
    assert.deepEqual(findState(state, 'm.room.canonical_alias')?.content, { alias: own });
  });

  it('stay canonical when they stood there before, even if they lead elsewhere by now', async () => {
    const [roomId, alice, bob] = await together();
    const [own, ofBob] = [newAlias(), newAlias()];
    await set(alice, own, roomId);
    await set(bob, ofBob, roomId);
    await publish(alice, roomId, { alias: own, alt_aliases: [ofBob] });
    await remove(bob, ofBob);
    assert.equal((await publish(alice, roomId, { alt_aliases: [ofBob] })).status, 200);
  });
});
