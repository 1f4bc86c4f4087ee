/** Owns the rooms with branches that the tests of this folder describe in a few words. */
import { requireVersion } from '#matrix/auth-rules/room-fixture.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { resolveState, type ResolutionNeed, type ResolvedState } from '#matrix/state-resolution/resolve-state.ts';
import type { ResolvableEvent, StateSet } from '#matrix/state-resolution/resolvable-event.ts';
import type { Answer, Asking } from '#matrix/state-resolution/question.ts';

export const alice = '@alice:one.example';
export const bob = '@bob:two.example';
export const carol = '@carol:three.example';

export type Sketch = {
  type: string;
  sender: string;
  stateKey?: string;
  content?: JsonObject;
  ts?: number;
  depth?: number;
  /** Set to cite something else than the branch's state makes it cite. */
  authEventIds?: string[];
  rejected?: boolean;
};

/** A graph of events; `branch` is a state that grows by `add`, and can be copied with `new Map`. */
export class RoomGraph {
  readonly version: RoomVersion;
  readonly events = new Map<string, ResolvableEvent>();

  constructor(version: string) {
    this.version = requireVersion(version);
  }

  /** The event under this id, built on the branch's state, which it then enters. */
  add(branch: Map<string, string>, eventId: string, sketch: Sketch): string {
    const { type, sender, stateKey = '', content = {}, ts = this.events.size, depth = this.events.size } = sketch;
    const selected = selectAuthTypes({ type, sender, state_key: stateKey, content }, this.version);
    const cited = selected.flatMap(([type, stateKey]) => branch.get(joinedKey(type, stateKey)) ?? []);
    const authEventIds = sketch.authEventIds ?? cited;
    const authGen = 1 + Math.max(0, ...authEventIds.map((id) => this.events.get(id)?.authGen ?? 0));
    const { rejected = false } = sketch;
    const event = {
      eventId,
      type,
      stateKey,
      sender,
      content,
      originServerTs: ts,
      depth,
      authEventIds,
      rejected,
      authGen,
    };
    this.events.set(eventId, event);
    branch.set(joinedKey(type, stateKey), eventId);
    return eventId;
  }

  join(branch: Map<string, string>, eventId: string, user: string, more: Partial<Sketch> = {}): string {
    const content = { membership: 'join' };
    return this.add(branch, eventId, { type: 'm.room.member', sender: user, stateKey: user, content, ...more });
  }

  /** Alice's public room with Bob in it, who has power 50 in all versions. */
  start(): Map<string, string> {
    const branch = new Map<string, string>();
    this.add(branch, '$create', { type: 'm.room.create', sender: alice, content: { creator: alice } });
    this.join(branch, '$alice', alice);
    const users = this.version.privilegedCreators ? { [bob]: 50 } : { [alice]: 100, [bob]: 50 };
    this.add(branch, '$power', { type: 'm.room.power_levels', sender: alice, content: { users } });
    this.add(branch, '$rules', { type: 'm.room.join_rules', sender: alice, content: { join_rule: 'public' } });
    this.join(branch, '$bob', bob);
    return branch;
  }

  require(eventId: string): ResolvableEvent {
    const event = this.events.get(eventId);
    if (event === undefined) throw new Error(`There is no event ${eventId}.`);
    return event;
  }

  resolve(...sets: StateSet[]): ResolvedState & { asked: ResolutionNeed[] } {
    const asked: ResolutionNeed[] = [];
    const resolving = resolveState(this.version, sets);
    let step = resolving.next();
    while (step.done !== true) {
      asked.push(step.value);
      step = resolving.next(new Map(step.value.map((id) => [id, this.events.get(id)])));
    }
    return { ...step.value, asked };
  }

  /** Runs one step of the algorithm, with an unconflicted state map. */
  answer<T>(asking: Asking<T>, unconflicted: StateSet = new Map()): T {
    const empty: Answer = { events: new Map(), unconflicted: new Map(), covered: new Set() };
    let step = asking.next();
    while (step.done !== true) {
      const question = step.value;
      if (question.ask === 'events') {
        step = asking.next({ ...empty, events: new Map(question.eventIds.map((id) => [id, this.events.get(id)])) });
      } else if (question.ask === 'unconflicted') {
        const entries = [...unconflicted].filter(([key]) => question.keys.includes(key));
        step = asking.next({ ...empty, unconflicted: new Map(entries) });
      } else {
        step = asking.next({ ...empty, covered: this.chainsOf(unconflicted.values()) });
      }
    }
    return step.value;
  }

  /** The events and all that they cite, by the shortest program: an independent measure for the clever walks. */
  chainsOf(eventIds: Iterable<string>): Set<string> {
    const found = new Set(eventIds);
    for (const id of found) for (const cited of this.events.get(id)?.authEventIds ?? []) found.add(cited);
    return found;
  }
}

/** The value under a key of a resolved state. */
export function at(state: StateSet, type: string, stateKey = ''): string | undefined {
  return state.get(joinedKey(type, stateKey));
}
