/** Proves that a state which a fork brings, without an event of its own, reaches those who sync, at once and later. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { statement } from '#storage/database.ts';
import { createNidAllocator } from '#storage/nid-allocator.ts';
import { createStateTries } from '#storage/rooms/state-tries.ts';
import { ensureSecret } from '#storage/server-identity.ts';
import { creator, ForeignRoom, friend, membership } from '#test/rooms/foreign-room.ts';
import { registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { ClientEvent, JsonObject } from '#test/support/matrix-shapes.ts';
import { createRoomParts } from '#test/support/room-parts.ts';
import { startServerProcess, testServerName } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const anchor = `@anchor:${testServerName}`;

type Topic = { readonly sender: string; readonly topic: string };
const topicOf = ({ sender, topic }: Topic) => ({ type: 'm.room.topic', sender, stateKey: '', content: { topic } });
const selectJson = statement<{ json: string }>(
  'test_select_json',
  'select json from events join event_json using (event_nid) where event_id = $1',
);
const idsOf = (events: readonly ClientEvent[] | undefined): string[] => (events ?? []).map((event) => event.event_id);

/** A server with one user, and beside it the writer that federation would be, on the same database. */
async function open() {
  await using resources = new AsyncDisposableStack();
  const database = resources.use(await createTestDatabase());
  const server = resources.use(await startServerProcess({ databaseUrl: database.url }));
  const plain = resources.use(await createRoomParts(database));
  const nids = createNidAllocator(plain.database);
  const secret = await plain.database.transaction((tx) => ensureSecret(tx, 'state_trie_slots', randomBytes(4)));
  const tries = createStateTries({ nids, secret: secret.readInt32BE(0) });
  const parts = resources.use(await createRoomParts(database, { nids, tries }));
  const room = new ForeignRoom('11');
  const start = room.start();
  // The other server cannot be asked to let anybody in: ours do it where somebody of them is in the room.
  const anchored = room.add(membership(anchor, anchor, 'join'), start.slice(-1));
  const older = room.add(topicOf({ sender: creator, topic: 'older' }), [anchored]);
  const events = [...start, anchored, older].map((id) => ({ sealed: room.require(id).pdu }));
  await parts.persistEvents({ room: { create: room.version }, events });
  const alice = await registerUser(server.baseUrl);
  await alice.join(room.roomId);
  const send = async (id: string): Promise<void> => {
    const sealed = room.require(id).pdu;
    const { statuses } = await parts.persistEvents({ room: { roomId: room.roomId }, events: [{ sealed }] });
    assert.deepEqual(statuses, ['accepted']);
  };
  const [create = '', creatorJoin = '', power = '', rules = ''] = start;
  const ids = { create, creatorJoin, power, rules, older };
  const textOf = async (eventId: string): Promise<string> => {
    const [row] = await parts.database.query(selectJson, [eventId]);
    return row?.json ?? '';
  };
  const open = resources.move();
  return { alice, room, ids, send, textOf, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

/** Takes the friend's power, on the branch that ends with the older topic. */
function demote(room: ForeignRoom, older: string): string {
  const content = { users: { [creator]: 100 } };
  return room.add({ type: 'm.room.power_levels', sender: creator, stateKey: '', content }, [older]);
}

/** Syncs until the answer has the event in a timeline; what came in `state` on the way is gathered. */
async function syncUntil(
  alice: MatrixHttp,
  roomId: string,
  eventId: string,
  options: { since: string; use_state_after?: boolean },
) {
  let { since } = options;
  const told: string[] = [];
  for (let round = 0; round < 20; round++) {
    const answer = await alice.sync({ ...options, since, timeout: 5_000 });
    since = answer.nextBatch;
    const section = answer.join.get(roomId);
    told.push(...idsOf(section?.state), ...idsOf(section?.stateAfter));
    if (idsOf(section?.timeline).includes(eventId)) return { told, since };
  }
  return assert.fail(`${eventId} never came`);
}

test('an older topic that a fork brings back is told as state, and wakes those who wait', async () => {
  await using on = await open();
  const { alice, room, ids, send } = on;
  // The friend, in another branch than Alice's join, sets a topic with power that the fork will take from under it.
  const newer = room.add(topicOf({ sender: friend, topic: 'newer' }), [ids.older]);
  await send(newer);
  assert.deepEqual(await alice.getState(room.roomId, 'm.room.topic'), { topic: 'newer' });
  const joined = await alice.sync();
  const { since: nextBatch } = joined.join.get(room.roomId)?.timeline.some(({ event_id: id }) => id === newer)
    ? { since: joined.nextBatch }
    : await syncUntil(alice, room.roomId, newer, { since: joined.nextBatch });

  const demotion = demote(room, ids.older);
  const [classic, after] = [
    syncUntil(alice, room.roomId, demotion, { since: nextBatch }),
    syncUntil(alice, room.roomId, demotion, { since: nextBatch, use_state_after: true }),
  ];
  await send(demotion);
  assert.deepEqual(await alice.getState(room.roomId, 'm.room.topic'), { topic: 'older' });
  assert.ok((await classic).told.includes(ids.older), 'state');
  assert.ok((await after).told.includes(ids.older), 'state_after');
  assert.ok(!(await classic).told.includes(demotion), 'what the timeline tells is not told twice');

  const members = (await alice.getFullState(room.roomId)).map((event) => event.event_id);
  assert.ok(members.includes(ids.older) && members.includes(demotion) && !members.includes(newer));
});

test('a client that missed both the undone topic and what undid it is not left with the former', async () => {
  await using on = await open();
  const { alice, room, ids, send } = on;
  const { nextBatch: since } = await alice.sync();
  const newer = room.add(topicOf({ sender: friend, topic: 'newer' }), [ids.older]);
  await send(newer);
  const between = await alice.sendText(room.roomId, 'between them');
  const demotion = demote(room, ids.older);
  await send(demotion);
  const last = await alice.sendText(room.roomId, 'after both');
  const told = (await alice.sync({ since })).join.get(room.roomId);
  assert.deepEqual([idsOf(told?.timeline), told?.limited], [[between, demotion, last], true]);
  /** The topic that a client has in the end. */
  const fold = async (use_state_after: boolean): Promise<string | undefined> => {
    let topic: string | undefined;
    let from = since;
    for (let round = 0; round < 20; round++) {
      const answer = await alice.sync({ since: from, use_state_after, timeout: 5_000 });
      from = answer.nextBatch;
      const section = answer.join.get(room.roomId);
      const classic = [...(section?.state ?? []), ...(section?.timeline ?? [])];
      topic = idsOf((use_state_after ? (section?.stateAfter ?? []) : classic).filter(isTopic)).at(-1) ?? topic;
      if (idsOf(section?.timeline).includes(last)) return topic;
    }
    return assert.fail(`${last} never came`);
  };
  // The topic is what it was: either nothing is said of it, or that.
  assert.ok([undefined, ids.older].includes(await fold(false)));
  assert.ok([undefined, ids.older].includes(await fold(true)));
  const fresh = (await alice.sync()).join.get(room.roomId);
  assert.equal(idsOf([...(fresh?.state ?? []), ...(fresh?.timeline ?? [])].filter(isTopic)).at(-1), ids.older);
});

const isTopic = ({ type }: ClientEvent): boolean => type === 'm.room.topic';

test('a topic of a fork is told whatever the filter leaves of the timeline', async () => {
  await using on = await open();
  const { alice, room, ids, send } = on;
  const first = await alice.sendText(room.roomId, 'before the fork');
  const join = (await alice.getFullState(room.roomId)).find(({ state_key: key }) => key === alice.userId);
  for (const eventId of [join?.event_id ?? '', first]) {
    const verdict = validatePdu(await on.textOf(eventId), room.version);
    assert.ok(verdict.ok);
    room.adopt(verdict.event);
  }
  const last = await alice.sendText(room.roomId, 'beside it');
  const { nextBatch: since } = await alice.sync();
  const topic = room.add(topicOf({ sender: creator, topic: 'of the fork' }), [first]);
  await send(topic);
  const merge = await alice.send(room.roomId, 'org.example.merge', {});
  await syncUntil(alice, room.roomId, merge, { since });
  /** A sync whose timeline has one event, of those that pass. */
  const told = async (timeline: JsonObject) => {
    const section = (await alice.sync({ filter: { room: { timeline: { ...timeline, limit: 1 } } } })).join.get(
      room.roomId,
    );
    return { timeline: idsOf(section?.timeline), topic: idsOf(section?.state?.filter(isTopic)) };
  };
  assert.deepEqual(await told({}), { timeline: [merge], topic: [topic] });
  // In the order of arrival, so the topic that was forked off earlier is newer than the message.
  assert.deepEqual(await told({ not_types: ['org.example.merge'] }), { timeline: [topic], topic: [ids.older] });
  assert.deepEqual(await told({ types: ['m.room.message'] }), { timeline: [last], topic: [topic] });
  assert.deepEqual(await told({ types: ['org.example.none'] }), { timeline: [], topic: [topic] });
});

test('a room that was forgotten is not told as joined, though the user was kicked by way of another process', async () => {
  await using on = await open();
  const { alice, room, send } = on;
  const join = (await alice.getFullState(room.roomId)).find(({ state_key: key }) => key === alice.userId);
  const verdict = validatePdu(await on.textOf(join?.event_id ?? ''), room.version);
  assert.ok(verdict.ok);
  room.adopt(verdict.event);
  const { nextBatch: since } = await alice.sync();
  await alice.sendText(room.roomId, 'what this process knows of');
  await send(room.add(membership(friend, alice.userId, 'leave'), [verdict.event.eventId]));
  const { status } = await alice.raw('POST', `/rooms/${encodeURIComponent(room.roomId)}/forget`, { body: {} });
  assert.equal(status, 200);
  const told = await alice.sync({ since });
  assert.ok(!told.join.has(room.roomId));
});

test('who was kicked by somebody whose power a fork takes is in the room again', async () => {
  await using on = await open();
  const { alice, room, ids, send } = on;
  const join = (await alice.getFullState(room.roomId)).find(({ state_key: key }) => key === alice.userId);
  assert.ok(join);
  const verdict = validatePdu(await on.textOf(join.event_id), room.version);
  assert.ok(verdict.ok);
  room.adopt(verdict.event);
  const kick = room.add(membership(friend, alice.userId, 'leave'), [join.event_id]);
  await send(kick);
  let left = await alice.sync();
  while (left.join.has(room.roomId)) left = await alice.sync({ since: left.nextBatch, timeout: 5_000 });
  const waiting = (async () => {
    let since = left.nextBatch;
    for (let round = 0; round < 20; round++) {
      const answer = await alice.sync({ since, timeout: 5_000 });
      since = answer.nextBatch;
      const section = answer.join.get(room.roomId);
      if (section !== undefined) return section;
    }
    return assert.fail('the room never came back');
  })();
  const demotion = demote(room, ids.older);
  await send(demotion);
  const section = await waiting;
  const told = [...idsOf(section.state), ...idsOf(section.timeline)];
  assert.ok(told.includes(join.event_id) && told.includes(demotion));
  await alice.sendText(room.roomId, 'here again');
});
