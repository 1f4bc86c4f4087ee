/**
 * Checks rooms made to break state resolution. What the rules permit gets its right answer whatever the size, since a
 * server that refuses what others resolve has another state from then on: 100,000 entries in conflict, auth chains of
 * 100,000 events. What no server can have sent rightly is refused by name: auth events in circles or not to be had, of
 * 10,000 events and of 100,000. Where they are everywhere, a fixed number of events is looked at; where one event of
 * many is wrong, none is sorted or judged. The times are printed; the goal for a refusal is 50 ms at 10,000 events.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { ResolutionError, STATE_SETS_MAX, type ResolutionErrorReason } from '#matrix/state-resolution/resolution-error.ts';
import { driveResolver } from '#test/vectors/state-resolution/drive-resolver.ts';
import { joinedKey, keyOf, type ResolvableEvent, type StateSet } from '#test/vectors/state-resolution/resolvable.ts';

const many = 100_000;
const alice = '@alice:a.test';
const deadline = { timeout: 120_000 };

const circles: readonly (readonly [count: number, gen: number | undefined])[] = [
  ...[undefined, 5, 0, -1, Number.NaN, Infinity].map((gen) => [10_000, gen] as const),
  [many, undefined],
];

type Sketch = { id: string; type: string; stateKey?: string; content?: JsonObject; cites?: readonly string[]; gen?: number };

/** Events of alice, added one by one to a map of all. */
class HostileRoom {
  readonly events = new Map<string, ResolvableEvent>();
  readonly version: RoomVersion;
  readonly base: readonly ResolvableEvent[];

  constructor(id: string) {
    const version = findRoomVersion(id);
    assert.ok(version);
    this.version = version;
    const create = this.add({ id: '$create', type: 'm.room.create', content: version.creatorInContent ? { creator: alice } : {} });
    const cites = version.roomIdIsCreateHash ? [] : ['$create'];
    const join = this.add({ id: '$alice', type: 'm.room.member', stateKey: alice, content: { membership: 'join' }, cites });
    this.base = [create, join];
  }

  add({ id, type, stateKey = '', content = {}, cites, gen }: Sketch): ResolvableEvent {
    const authEventIds = cites ?? (this.version.roomIdIsCreateHash ? ['$alice'] : ['$create', '$alice']);
    const behind = authEventIds.map((cited) => this.events.get(cited)?.authGen ?? 0);
    const event: ResolvableEvent = {
      eventId: id,
      type,
      stateKey,
      sender: alice,
      originServerTs: this.events.size,
      depth: this.events.size + 1,
      authEventIds,
      content,
      rejected: false,
      authGen: gen ?? 1 + Math.max(0, ...behind),
    };
    this.events.set(id, event);
    return event;
  }

  /** What alice's event cites, and one more. */
  citing(...ids: readonly string[]): string[] {
    return [...(this.version.roomIdIsCreateHash ? [] : ['$create']), '$alice', ...ids];
  }

  /** So many events, each under a key of its own. */
  branch(name: string, count: number, cites?: (at: number) => string[]): ResolvableEvent[] {
    return Array.from({ length: count }, (_, at) => {
      const sketch = { id: `$${name}${at}`, type: 'org.example.x', stateKey: String(at) };
      return this.add(cites === undefined ? sketch : { ...sketch, cites: cites(at) });
    });
  }

  setOf(...events: readonly ResolvableEvent[]): StateSet {
    return new Map([...this.base, ...events].map((event) => [keyOf(event), event.eventId]));
  }

  /** The resolved state of a room that the rules permit. */
  resolve(what: string, ...sets: readonly StateSet[]): StateSet {
    const started = now();
    const state = driveResolver(this.version, sets, this.events);
    this.#print(what, `${state.size} entries`, started);
    return state;
  }

  /** Fails unless the resolver refuses for this reason, before it has asked for more events than that. */
  refuse(what: string, { reason, askedMax }: Refusal, ...sets: readonly StateSet[]): void {
    let asked = 0;
    const count = (ids: readonly string[]): readonly string[] => {
      asked += ids.length;
      return ids;
    };
    const started = now();
    assert.throws(
      () => driveResolver(this.version, sets, this.events, count),
      (error) => error instanceof ResolutionError && error.reason === reason,
    );
    this.#print(what, `refused (${reason}) after ${asked} events`, started);
    assert.ok(asked <= askedMax, `${asked} events were asked for`);
  }

  #print(what: string, outcome: string, started: Moment): void {
    const { wallMs, cpuMs } = now();
    const took = `${(wallMs - started.wallMs).toFixed(0)} ms, ${(cpuMs - started.cpuMs).toFixed(0)} ms of CPU`;
    console.log(`${what}, version ${this.version.id}: ${outcome} in ${took}`);
  }
}

type Moment = { readonly wallMs: number; readonly cpuMs: number };

/** CPU time of this thread too, since other tests run at the same time. */
function now(): Moment {
  const { user, system } = process.threadCpuUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1_000 };
}

type Refusal = { readonly reason: ResolutionErrorReason; readonly askedMax: number };

/** As many as the first look takes at once, with what they cite. */
const fewAsked = 4_000;
const circular = (askedMax: number): Refusal => ({ reason: 'inconsistent-auth-graph', askedMax });
const dangling = (askedMax: number): Refusal => ({ reason: 'missing-event', askedMax });

for (const id of ['1', '11', '12']) {
  void test(`a hundred thousand keys in conflict, version ${id}`, deadline, () => {
    const room = new HostileRoom(id);
    const state = room.resolve('wide', room.setOf(...room.branch('a', many)), room.setOf(...room.branch('b', many)));
    assert.equal(state.size, many + 2);
    assert.equal(state.get(joinedKey('org.example.x', '77')), '$b77');
  });

  void test(`power levels a hundred thousand deep, version ${id}`, deadline, () => {
    const room = new HostileRoom(id);
    const content: JsonObject = room.version.privilegedCreators ? {} : { users: { [alice]: 100 } };
    const first = room.add({ id: '$p0', type: 'm.room.power_levels', content });
    let last = first;
    for (let at = 1; at <= many; at += 1) {
      last = room.add({ id: `$p${at}`, type: 'm.room.power_levels', content, cites: room.citing(last.eventId) });
    }
    const early = room.add({ id: '$early', type: 'm.room.topic', cites: room.citing(first.eventId) });
    const late = room.add({ id: '$late', type: 'm.room.topic', cites: room.citing(last.eventId) });
    const conflict = room.resolve('deep in conflict', room.setOf(first, early), room.setOf(last, late));
    assert.equal(conflict.get(keyOf(last)), last.eventId);
    const mainline = room.resolve('deep mainline', room.setOf(last, early), room.setOf(last, late));
    assert.equal(mainline.get(keyOf(late)), '$late');
  });

  void test(`a chain of memberships a hundred thousand deep, version ${id}`, deadline, () => {
    const room = new HostileRoom(id);
    let last = room.add({ id: '$m0', type: 'm.room.member', stateKey: '@bob:b.test', content: { membership: 'ban' } });
    const first = last;
    for (let at = 1; at <= many; at += 1) {
      const membership = at % 2 === 0 ? 'ban' : 'leave';
      const cites = room.citing(last.eventId);
      last = room.add({ id: `$m${at}`, type: 'm.room.member', stateKey: '@bob:b.test', content: { membership }, cites });
    }
    const state = room.resolve('deep memberships', room.setOf(first), room.setOf(last));
    assert.ok(state.has(keyOf(last)));
  });

  void test(`auth events in circles, whatever generations they claim, version ${id}`, deadline, () => {
    for (const [count, gen] of circles) {
      const room = new HostileRoom(id);
      const circle = Array.from({ length: count }, (_, at) =>
        room.add({
          id: `$c${at}`,
          type: at % 3 === 0 ? 'm.room.power_levels' : 'org.example.x',
          stateKey: at % 3 === 0 ? '' : String(at),
          cites: room.citing(`$c${(at + 1) % count}`),
          ...(gen === undefined ? {} : { gen }),
        }),
      );
      const [one, two, three] = circle;
      assert.ok(one && two && three);
      room.refuse(`circle of ${count}, generation ${gen}`, circular(fewAsked), ...[one, two, three].map((event) => room.setOf(event)));
      room.refuse(`circle of ${count} in the state, generation ${gen}`, circular(fewAsked), room.setOf(...circle), room.setOf());
    }
  });

  void test(`a circle that its oldest event closes, version ${id}`, deadline, () => {
    for (const count of [10_000, many]) {
      const room = new HostileRoom(id);
      const chain = [room.add({ id: '$c0', type: 'org.example.x', stateKey: '0', cites: room.citing(`$c${count - 1}`) })];
      for (let at = 1; at < count; at += 1) {
        const cites = room.citing(`$c${at - 1}`);
        chain.push(room.add({ id: `$c${at}`, type: 'org.example.x', stateKey: String(at), cites }));
      }
      room.refuse(`wide circle of ${count}`, circular(count + 2), room.setOf(...chain.toReversed()), room.setOf());
      const top = chain.at(-1);
      assert.ok(top);
      // Version 1 looks at no auth events but those of the events in conflict, so that this is no circle to it.
      if (room.version.stateResolution === 'v1') room.resolve(`deep circle of ${count}`, room.setOf(top), room.setOf());
      else room.refuse(`deep circle of ${count}`, circular(count + 2), room.setOf(top), room.setOf());
    }
  });

  void test(`auth events that nobody has, version ${id}`, deadline, () => {
    for (const count of [10_000, many]) {
      const room = new HostileRoom(id);
      const holed = (name: string) => room.branch(name, count, (at) => room.citing(`$gone-${name}${at}`));
      room.refuse(`holes, ${count} keys`, dangling(fewAsked), room.setOf(...holed('a')), room.setOf(...holed('b')));
      const fine = room.branch('c', count);
      const last = room.add({ id: '$last', type: 'org.example.x', stateKey: 'last', cites: room.citing('$gone') });
      room.refuse(`one hole, ${count} keys`, dangling(count + 4), room.setOf(...fine, last), room.setOf());
      room.events.delete(`$c${count - 1}`);
      room.refuse(`one event missing, ${count} keys`, dangling(count + 4), room.setOf(...fine), room.setOf());
    }
  });

  void test(`states of nothing that anybody has, version ${id}`, () => {
    const room = new HostileRoom(id);
    const nowhere = new Map([...room.setOf(), ['nothing', '$nowhere']]);
    room.refuse('a state event that nobody has', dangling(3), room.setOf(), nowhere);
    const elsewhere = new Map([['nothing', '$elsewhere']]);
    room.refuse('a state of nothing else', dangling(3), new Map([['nothing', '$nowhere']]), elsewhere);
  });

  void test(`more states than anybody needs, version ${id}`, deadline, () => {
    const room = new HostileRoom(id);
    const sets = Array.from({ length: 1000 }, (_, at) => room.setOf(room.add({ id: `$t${at}`, type: 'm.room.topic' })));
    room.refuse('a thousand states', { reason: 'too-many-states', askedMax: 0 }, ...sets);
    assert.equal(room.resolve('as many states as are permitted', ...sets.slice(0, STATE_SETS_MAX)).size, 3);
  });
}
