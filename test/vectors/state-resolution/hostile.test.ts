/** Checks that rooms made to break state resolution end in an answer or a refusal: wide, deep, circular, full of holes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { ResolutionError } from '#matrix/state-resolution/resolution-error.ts';
import { driveResolver } from '#test/vectors/state-resolution/drive-resolver.ts';
import { keyOf, type ResolvableEvent, type StateSet } from '#test/vectors/state-resolution/resolvable.ts';

const many = 100_000;
const alice = '@alice:a.test';
const deadline = { timeout: 120_000 };

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

  setOf(...events: readonly ResolvableEvent[]): StateSet {
    return new Map([...this.base, ...events].map((event) => [keyOf(event), event.eventId]));
  }

  /** The resolved state, or undefined where the resolver refuses. Any other error fails the test. */
  resolve(what: string, ...sets: readonly StateSet[]): StateSet | undefined {
    const started = performance.now();
    let outcome = 'refused';
    try {
      const state = driveResolver(this.version, sets, this.events);
      outcome = `${state.size} entries`;
      return state;
    } catch (error) {
      assert.ok(error instanceof ResolutionError, String(error));
      outcome = `refused (${error.reason})`;
      return undefined;
    } finally {
      console.log(`${what}, version ${this.version.id}: ${outcome} in ${(performance.now() - started).toFixed(0)} ms`);
    }
  }
}

for (const id of ['1', '11', '12']) {
  void test(`a hundred thousand keys in conflict, version ${id}`, deadline, () => {
    const room = new HostileRoom(id);
    const branch = (name: string) =>
      Array.from({ length: many }, (_, at) => room.add({ id: `$${name}${at}`, type: 'org.example.x', stateKey: String(at) }));
    const state = room.resolve('wide', room.setOf(...branch('a')), room.setOf(...branch('b')));
    assert.ok(state === undefined || state.size === many + 2);
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
    assert.ok(conflict === undefined || conflict.get(keyOf(last)) === last.eventId);
    const mainline = room.resolve('deep mainline', room.setOf(last, early), room.setOf(last, late));
    assert.ok(mainline === undefined || mainline.get(keyOf(late)) === '$late');
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
    assert.ok(state === undefined || state.has(keyOf(last)));
  });

  void test(`auth events in circles, whatever generations they claim, version ${id}`, deadline, () => {
    for (const gen of [undefined, 5, 0, -1, Number.NaN, Infinity]) {
      const room = new HostileRoom(id);
      const count = 10_000;
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
      room.resolve(`circle of ${count}, generation ${gen}`, room.setOf(one), room.setOf(two), room.setOf(three));
      room.resolve(`circle in the state, generation ${gen}`, room.setOf(...circle), room.setOf());
    }
  });

  void test(`auth events that nobody has, version ${id}`, deadline, () => {
    const room = new HostileRoom(id);
    const holed = (name: string) =>
      Array.from({ length: 10_000 }, (_, at) =>
        room.add({ id: `$${name}${at}`, type: 'org.example.x', stateKey: String(at), cites: room.citing(`$gone-${name}${at}`) }),
      );
    const state = room.resolve('holes', room.setOf(...holed('a')), room.setOf(...holed('b')));
    assert.ok(state === undefined || state.size === 10_002);
    const nowhere = new Map([...room.setOf(), ['nothing', '$nowhere']]);
    room.resolve('a state event that nobody has', room.setOf(), nowhere);
    room.resolve('a state of nothing else', new Map([['nothing', '$nowhere']]), new Map([['nothing', '$elsewhere']]));
  });

  void test(`more states than anybody needs, version ${id}`, deadline, () => {
    const room = new HostileRoom(id);
    const sets = Array.from({ length: 1000 }, (_, at) => room.setOf(room.add({ id: `$t${at}`, type: 'm.room.topic' })));
    const state = room.resolve('a thousand states', ...sets);
    assert.ok(state === undefined || state.size === 3);
  });
}
