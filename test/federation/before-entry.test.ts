/** Proves that events from before the server came into a room are history whenever they come, and that nothing else is. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventIdsOf } from '#matrix/pdu.ts';
import { tellHistory, tellMissing } from '#test/federation/history-script.ts';
import { PeerRoom, syncUntil } from '#test/federation/peer-room.ts';
import { untilWorkedThrough } from '#test/federation/shared-rooms.ts';
import { startServerAndPeer, type ServerAndPeer } from '#test/federation/server-and-peer.ts';
import { PeerReply } from '#test/support/peer.ts';

const refusal = new PeerReply(404, { errcode: 'M_NOT_FOUND', error: 'The script does not tell.' });

describe('events from before the server came into the room', () => {
  let stage: ServerAndPeer;
  let server: ServerAndPeer['server'];
  let peer: ServerAndPeer['peer'];
  let alice: ServerAndPeer['alice'];
  before(async () => {
    stage = await startServerAndPeer();
    ({ server, peer, alice } = stage);
  });
  after(() => stage[Symbol.asyncDispose]());

  const path = (kind: string, room: PeerRoom): string =>
    `/_matrix/federation/v1/${kind}/${encodeURIComponent(room.roomId)}`;
  const historyOf = async (room: PeerRoom): Promise<string[]> =>
    (await alice.getHistory(room.roomId, { dir: 'b' })).map((event) => event.event_id);
  /** The room goes on behind the join; gives what a sync has told until then. */
  const goOn = async (room: PeerRoom, since: string, joinId: string): Promise<readonly string[]> => {
    const last = room.say('it goes on', { prevIds: [joinId] });
    await room.send([last]);
    return (await syncUntil(alice, since, room.roomId, last.eventId)).eventIds;
  };
  const followedByOwn = async (room: PeerRoom): Promise<string[]> => {
    const own = await alice.sendText(room.roomId, 'mine');
    await room.learn();
    return eventIdsOf(room.events.get(own)?.pdu.prev_events ?? []);
  };

  /** A room in which alice was, and is again; the last events of then, and what was said while she was away. */
  const comeBack = async () => {
    const room = await PeerRoom.remote(peer, server);
    await room.enter(alice.userId);
    const heard = room.say('heard');
    await room.send([heard]);
    await syncUntil(alice, undefined, room.roomId, heard.eventId);
    assert.equal(
      (await alice.raw('POST', `/rooms/${encodeURIComponent(room.roomId)}/leave`, { body: {} })).status,
      200,
    );
    await room.learn();
    const lastThen = room.newest();
    const topic = room.add({
      type: 'm.room.topic',
      sender: peer.userId('bob'),
      stateKey: '',
      content: { topic: 'undone by now' },
    });
    const away = [topic, ...Array.from({ length: 4 }, (_, index) => room.say(`said meanwhile ${index}`))];
    const now = room.add({
      type: 'm.room.topic',
      sender: peer.userId('bob'),
      stateKey: '',
      content: { topic: 'of now' },
    });
    const join = await room.enter(alice.userId);
    const { nextBatch: since } = await syncUntil(alice, undefined, room.roomId, join.eventId);
    return { room, lastThen, away, now, join, since };
  };

  test('what was said before a first join is history when it is sent, and stands in its place', async () => {
    const room = await PeerRoom.remote(peer, server);
    const old = Array.from({ length: 6 }, (_, index) => room.say(`before the join ${index}`));
    const join = await room.enter(alice.userId);
    const { nextBatch: since } = await syncUntil(alice, undefined, room.roomId, join.eventId);
    tellHistory(room);
    tellMissing(room, old.slice(0, 2));
    await room.send(old.slice(2, 3));
    await untilWorkedThrough(server, room.roomId);
    const told = await goOn(room, since, join.eventId);
    assert.equal(told.length, 1, 'of what was sent a sync tells what came after the join');
    assert.deepEqual(await historyOf(room), [...room.events.keys()]);
  });

  test('what was said between two stays is history when it is sent, and the state stays what it is', async () => {
    const { room, away, join, since } = await comeBack();
    tellHistory(room);
    await room.send(away.slice(0, 2));
    await untilWorkedThrough(server, room.roomId);
    const told = await goOn(room, since, join.eventId);
    assert.equal(told.length, 1);
    assert.deepEqual(await alice.getState(room.roomId, 'm.room.topic'), { topic: 'of now' });
    assert.deepEqual(await historyOf(room), [...room.events.keys()]);
    assert.equal((await followedByOwn(room)).length, 1, 'nothing of then is a branch');
  });

  test('the same where no server tells the history', async () => {
    const { room, away, join, since } = await comeBack();
    peer.answer('GET', path('backfill', room), () => refusal);
    await room.send(away.slice(0, 2));
    await untilWorkedThrough(server, room.roomId);
    const told = await goOn(room, since, join.eventId);
    assert.equal(told.length, 1);
    assert.deepEqual(await alice.getState(room.roomId, 'm.room.topic'), { topic: 'of now' });
    assert.equal((await followedByOwn(room)).length, 1);
    // Backwards one would wait for what nobody tells.
    const history = (await alice.getHistory(room.roomId)).map((event) => event.event_id);
    const places = [...away.slice(0, 2), join].map(({ eventId }) => history.indexOf(eventId));
    assert.ok(
      places.every((place) => place >= 0),
      'it is there',
    );
    assert.deepEqual(
      places.toSorted((one, other) => one - other),
      places,
      'in its order, before the join',
    );
  });

  test('what others said meanwhile on a branch of their own is news, though it is as old', async () => {
    const { room, lastThen, since } = await comeBack();
    const aside = room.build({
      type: 'm.room.message',
      sender: peer.userId('bob'),
      content: { msgtype: 'm.text', body: 'while the others were cut off' },
      prevIds: lastThen,
    });
    tellHistory(room);
    await room.send([aside]);
    const { eventIds } = await syncUntil(alice, since, room.roomId, aside.eventId);
    assert.deepEqual(eventIds, [aside.eventId]);
    assert.equal((await followedByOwn(room)).length, 2, 'it is followed beside the join');
  });
});
