/** Owns the tests of /sync with limited timelines: what a client folds together equals what the room is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseSeed, seededNumbers } from '#test/support/seeded.ts';
import { encode, pageToEnd, type MatrixHttp } from '#test/support/matrix-http.ts';
import { findState, type ClientEvent, type SyncedRoom } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const limitOfTwo = { room: { timeline: { limit: 2 } } };

function bodies(events: readonly ClientEvent[]): unknown[] {
  return events.map((event) => event.content['body'] ?? event.type);
}

describe('sync across gaps', () => {
  const server = useSuiteServer();

  it('marks a timeline that leaves something out, and gives the state of the gap', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const since = (await bob.sync()).nextBatch;
    const inGap = await alice.setState(roomId, 'm.room.topic', { topic: 'in the gap' });
    await carol.join(roomId);
    await alice.setState(roomId, 'm.room.name', { name: 'first' });
    const name = await alice.setState(roomId, 'm.room.name', { name: 'second' });
    await alice.sendText(roomId, 'left out');
    const inTimeline = await alice.setState(roomId, 'm.room.topic', { topic: 'in the timeline' });
    await alice.sendText(roomId, 'last');
    const room = (await bob.sync({ since, filter: limitOfTwo })).join.get(roomId);
    assert.ok(room?.limited && room.prevBatch !== undefined);
    assert.deepEqual(bodies(room.timeline), ['m.room.topic', 'last']);
    const state = room.state ?? [];
    assert.equal(findState(state, 'm.room.topic')?.event_id, inGap, 'the state at the start of the timeline');
    assert.equal(findState(state, 'm.room.name')?.event_id, name);
    assert.equal(findState(state, 'm.room.member', carol.userId)?.content['membership'], 'join');
    assert.equal(state.length, 3, 'and nothing that did not change');
    assert.equal(room.timeline[0]?.event_id, inTimeline);
    assert.equal(room.stateAfter, undefined);
  });

  it('gives with use_state_after the state at the end, and no other', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const first = await bob.sync({ use_state_after: true });
    const initial = first.join.get(roomId);
    assert.ok(initial);
    assert.equal(initial.state, undefined);
    const full = await bob.getFullState(roomId);
    assert.deepEqual(
      (initial.stateAfter ?? []).map((event) => event.event_id).toSorted(),
      full.map((event) => event.event_id).toSorted(),
    );
    await alice.setState(roomId, 'm.room.topic', { topic: 'in the gap' });
    await carol.join(roomId);
    await alice.sendText(roomId, 'left out');
    const topic = await alice.setState(roomId, 'm.room.topic', { topic: 'in the timeline' });
    await alice.sendText(roomId, 'last');
    const second = await bob.sync({ since: first.nextBatch, filter: limitOfTwo, use_state_after: true });
    const room = second.join.get(roomId);
    assert.ok(room);
    assert.equal(room.state, undefined);
    assert.equal(findState(room.stateAfter ?? [], 'm.room.topic')?.event_id, topic);
    assert.equal(findState(room.stateAfter ?? [], 'm.room.member', carol.userId)?.content['membership'], 'join');
    assert.equal(room.stateAfter?.length, 2);
    await alice.sendText(roomId, 'no change of state');
    const third = (await bob.sync({ since: second.nextBatch, use_state_after: true })).join.get(roomId);
    assert.deepEqual([third?.state, third?.stateAfter], [undefined, []], 'it is there even if it is empty');
    await bob.leave(roomId);
    const fourth = (await bob.sync({ since: second.nextBatch, use_state_after: true })).leave.get(roomId);
    assert.ok(fourth);
    assert.equal(fourth.state, undefined);
    assert.equal(findState(fourth.stateAfter ?? [], 'm.room.member', bob.userId)?.content['membership'], 'leave');
  });

  it('gives the members who changed in the gap also when members are loaded lazily', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const filter = { room: { timeline: { limit: 2 }, state: { lazy_load_members: true } } };
    const first = await bob.sync({ filter });
    const initial = first.join.get(roomId);
    const known = [...(initial?.state ?? []), ...(initial?.timeline ?? [])];
    assert.ok(findState(known, 'm.room.member', bob.userId), 'the own member event is there when state is complete');
    for (const { sender } of initial?.timeline ?? []) {
      assert.ok(findState(known, 'm.room.member', sender), 'and those of the senders of the timeline');
    }
    assert.ok(findState(known, 'm.room.power_levels'), 'other state is not affected');
    await carol.join(roomId);
    await carol.leave(roomId);
    for (const body of ['a', 'b', 'c']) await alice.sendText(roomId, body);
    const room = (await bob.sync({ since: first.nextBatch, filter })).join.get(roomId);
    assert.ok(room?.limited);
    assert.equal(findState(room.state ?? [], 'm.room.member', carol.userId)?.content['membership'], 'leave');
  });

  it('gives them too when all state is told once more: when asked to, and to whoever left and came back', async () => {
    const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    for (const user of [carol, bob]) await user.join(roomId);
    const filter = { room: { timeline: { limit: 2 }, state: { lazy_load_members: true } } };
    const since = (await bob.sync()).nextBatch;
    await carol.setState(roomId, 'm.room.member', { membership: 'join', displayname: 'Caroline' }, carol.userId);
    for (const body of ['a', 'b', 'c']) await alice.sendText(roomId, body);
    const nameIn = (room: SyncedRoom | undefined): unknown =>
      findState(room?.state ?? room?.stateAfter ?? [], 'm.room.member', carol.userId)?.content['displayname'];
    for (const use_state_after of [false, true]) {
      const full = await bob.sync({ since, filter, full_state: true, use_state_after });
      assert.equal(nameIn(full.join.get(roomId)), 'Caroline');
    }
    await bob.leave(roomId);
    await bob.join(roomId);
    assert.equal(nameIn((await bob.sync({ since, filter })).join.get(roomId)), 'Caroline');
  });

  it('says where to go on from even if nothing of the timeline is told', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const { nextBatch: since } = await bob.sync();
    await bob.leave(roomId);
    const last = await alice.sendText(roomId, 'last');
    await bob.join(roomId);
    for (const timeline of [{ limit: 0 }, { types: ['org.example.none'] }]) {
      for (const from of [undefined, since]) {
        const room = (await bob.sync({ since: from, filter: { room: { timeline } } })).join.get(roomId);
        assert.deepEqual(room?.timeline, []);
        if (!room.limited) continue;
        const { chunk } = await bob.getMessages(roomId, { dir: 'b', from: room.prevBatch });
        assert.ok(room.prevBatch !== undefined && chunk.some((event) => event.event_id === last));
      }
    }
  });

  it('does not tell those who joined of their invitation, where history is for the joined', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'joined' });
    await alice.invite(roomId, bob.userId);
    await bob.join(roomId);
    const room = (await bob.sync()).join.get(roomId);
    const { chunk } = await bob.getMessages(roomId, { dir: 'b' });
    for (const events of [room?.timeline ?? [], chunk]) {
      const own = events.filter((event) => event.state_key === bob.userId);
      assert.deepEqual(
        own.map((event) => event.content['membership']),
        ['join'],
      );
    }
  });

  it('tells with use_state_after the membership of a user who was never in the room', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom();
    await alice.invite(roomId, bob.userId);
    const { nextBatch: since } = await bob.sync({ use_state_after: true });
    await bob.leave(roomId);
    for (const timeline of [{}, { types: ['m.room.message'] }]) {
      const filter = { room: { timeline } };
      const room = (await bob.sync({ since, filter, use_state_after: true })).leave.get(roomId);
      assert.equal(findState(room?.stateAfter ?? [], 'm.room.member', bob.userId)?.content['membership'], 'leave');
      assert.ok((await bob.sync({ since, filter })).leave.has(roomId), 'whatever the filter leaves out');
    }
  });

  for (const useStateAfter of [false, true]) {
    it(`folds to the room as it is, whatever happens (use_state_after: ${useStateAfter})`, async (context) => {
      const seed = chooseSeed();
      context.diagnostic(`CAUSEWAY_TEST_SEED=${seed}`);
      const next = seededNumbers(seed);
      const [alice, bob, carol] = await server.newUsers('alice', 'bob', 'carol');
      const roomId = await alice.createRoom({ preset: 'public_chat' });
      const follower = new Follower(alice, roomId, useStateAfter);
      await follower.follow();
      for (let step = 0; step < 80; step += 1) {
        await act(next, roomId, alice, [bob, carol]);
        if (next() < 0.25) await follower.follow();
      }
      await follower.follow();
      const state = await alice.getFullState(roomId);
      const expected = new Map(state.map((event) => [`${event.type} ${event.state_key}`, event.event_id]));
      assert.deepEqual(follower.state, expected, 'the folded state is the state of the room');
      const history = await alice.getHistory(roomId);
      assert.deepEqual(
        follower.timeline,
        history.map((event) => event.event_id),
        'the folded timeline is the history',
      );
    });
  }

  it('marks the timeline of a stay that began and ended since the last sync, for it does not follow an earlier one', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId);
    const joined = await bob.sync();
    await bob.leave(roomId);
    const left = await bob.sync({ since: joined.nextBatch });
    assert.equal(left.leave.get(roomId)?.limited, false, 'a departure alone follows what is known');
    await bob.join(roomId);
    await bob.leave(roomId);
    const again = (await bob.sync({ since: left.nextBatch })).leave.get(roomId);
    assert.ok(again?.limited && again.prevBatch !== undefined);
  });
});

/** One random deed: a message, a change of state, or somebody coming or going. */
async function act(
  next: () => number,
  roomId: string,
  alice: MatrixHttp,
  others: readonly MatrixHttp[],
): Promise<void> {
  const choice = next();
  const other = others[Math.floor(next() * others.length)];
  assert.ok(other);
  const serial = String(Math.floor(next() * 1_000_000));
  if (choice < 0.4) await alice.sendText(roomId, serial);
  else if (choice < 0.55) await alice.setState(roomId, 'm.room.topic', { topic: serial });
  else if (choice < 0.7) await alice.setState(roomId, 'org.example.keyed', { serial }, String(Math.floor(next() * 3)));
  else if (choice < 0.9) await other.join(roomId);
  // Somebody who is not in the room may not leave it; then nothing happens, which is a case too.
  else await other.raw('POST', `/rooms/${encode(roomId)}/leave`, { body: {} });
}

/** A client that folds answers of /sync as the specification tells clients to. */
class Follower {
  readonly state = new Map<string, string>();
  readonly timeline: string[] = [];
  readonly #user: MatrixHttp;
  readonly #roomId: string;
  readonly #useStateAfter: boolean;
  #since: string | undefined;

  constructor(user: MatrixHttp, roomId: string, useStateAfter: boolean) {
    this.#user = user;
    this.#roomId = roomId;
    this.#useStateAfter = useStateAfter;
  }

  async follow(): Promise<void> {
    const since = this.#since;
    const answer = await this.#user.sync({
      since,
      filter: { room: { timeline: { limit: 3 } } },
      use_state_after: this.#useStateAfter,
    });
    const room = answer.join.get(this.#roomId);
    this.#since = answer.nextBatch;
    if (room === undefined) return;
    if (room.limited) this.timeline.push(...(await this.#fillGap(room, since)));
    this.timeline.push(...room.timeline.map((event) => event.event_id));
    this.#apply(this.#useStateAfter ? (room.stateAfter ?? []) : [...(room.state ?? []), ...room.timeline]);
  }

  async #fillGap(room: SyncedRoom, since: string | undefined): Promise<string[]> {
    assert.ok(room.prevBatch !== undefined, 'a limited timeline says where to go on');
    const gap = await pageToEnd(
      (from) => this.#user.getMessages(this.#roomId, { dir: 'b', from, to: since, limit: 4 }),
      { first: room.prevBatch, to: since },
    );
    return gap.toReversed().map((event) => event.event_id);
  }

  #apply(events: readonly ClientEvent[]): void {
    for (const event of events) {
      if (event.state_key !== undefined) this.state.set(`${event.type} ${event.state_key}`, event.event_id);
    }
  }
}
