/** Owns the row `resolution`: a conflict of a thousand events in a room of 50,000 members, without a server. */
import { joinedKey } from '#matrix/joined-key.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import {
  resolveState,
  type ResolvableEvent,
  type ResolvedState,
  type StateSet,
} from '#matrix/state-resolution/resolve-state.ts';
import type { Measurement, Row } from '#test/bench/context.ts';
import { percentile } from '#test/bench/recorder.ts';

const memberCount = 50_000;
const changesPerBranch = 500;
const rounds = 7;

export const resolution: Row = {
  name: 'resolution',
  run: () => Promise.resolve(['11', '12'].map(measureVersion)),
};

function measureVersion(id: string): Measurement {
  const room = makeRoom(id);
  const durationsMs = Array.from({ length: rounds }, () => {
    const started = performance.now();
    resolve(id, room);
    return performance.now() - started;
  });
  const { state, considered } = resolve(id, room);
  const faults = state.size === memberCount + 3 ? [] : [`the resolved state has ${state.size} entries`];
  const p50Ms = percentile(durationsMs, 0.5);
  const notes = [
    `${considered.toLocaleString('en')} events weighed; the first, cold run took ${durationsMs[0]?.toFixed(0)} ms`,
  ];
  return {
    row: `resolution-v${id}`,
    measured: p50Ms,
    unit: 'ms',
    p50Ms,
    p99Ms: percentile(durationsMs, 0.99),
    faults,
    notes,
  };
}

type BranchedRoom = { readonly events: ReadonlyMap<string, ResolvableEvent>; readonly sets: readonly StateSet[] };

function resolve(version: string, { events, sets }: BranchedRoom): ResolvedState {
  const rules = findRoomVersion(version);
  if (rules === undefined) throw new Error(`There is no room version ${version}.`);
  const resolving = resolveState(rules, sets);
  let step = resolving.next();
  while (step.done !== true)
    step = resolving.next(new Map(step.value.map((eventId) => [eventId, events.get(eventId)])));
  return step.value;
}

/**
 * Both branches change 500 profiles each, in one of them the power levels change twice and somebody is banned: so power
 * events, the mainline and the auth difference all have work, the last one in the chains of all members.
 */
function makeRoom(version: string): BranchedRoom {
  const events = new Map<string, ResolvableEvent>();
  const base = new EventMaker(version, events, new Map());
  base.add('$create', { type: 'm.room.create', stateKey: '', sender: admin, cites: [], content: {} });
  base.member('$admin', admin, [], joined);
  base.levels('$levels', ['$admin'], 50);
  const content = { join_rule: 'public' };
  base.add('$rules', { type: 'm.room.join_rules', stateKey: '', sender: admin, cites: ['$levels', '$admin'], content });
  for (let index = 1; index < memberCount; index++) {
    base.member(`$join${index}`, user(index), ['$levels', '$rules'], joined);
  }
  const [left, right] = [0, 1].map((branch) => {
    const maker = new EventMaker(version, events, new Map(base.state));
    for (let index = 1; index <= changesPerBranch; index++) {
      const content = { ...joined, displayname: `of branch ${branch}` };
      maker.member(`$change${branch}-${index}`, user(index), ['$levels', '$rules', `$join${index}`], content);
    }
    return maker;
  });
  if (left === undefined || right === undefined) throw new Error('Two branches give two states.');
  left.levels('$levels2', ['$levels', '$admin'], 60);
  left.levels('$levels3', ['$levels2', '$admin'], 70);
  const last = memberCount - 1;
  left.member('$ban', user(last), ['$levels3', '$admin', `$join${last}`], { membership: 'ban' }, admin);
  return { events, sets: [left.state, right.state] };
}

const admin = '@admin:bench.example';
const joined = { membership: 'join' };
const user = (index: number): string => `@user${index}:bench.example`;

type Made = Pick<ResolvableEvent, 'type' | 'stateKey' | 'sender' | 'content'> & { readonly cites: readonly string[] };

/** Adds events to one branch. */
class EventMaker {
  readonly #version: string;
  readonly #events: Map<string, ResolvableEvent>;
  readonly state: Map<string, string>;

  constructor(version: string, events: Map<string, ResolvableEvent>, state: Map<string, string>) {
    this.#version = version;
    this.#events = events;
    this.state = state;
  }

  add(eventId: string, { cites, ...event }: Made): void {
    const isCreateCited = this.#version !== '12' && event.type !== 'm.room.create';
    const authEventIds = isCreateCited ? ['$create', ...cites] : cites;
    const authGen = 1 + Math.max(0, ...authEventIds.map((id) => this.#events.get(id)?.authGen ?? 0));
    const order = this.#events.size;
    const place = { authEventIds, authGen, originServerTs: order, depth: order, rejected: false };
    this.#events.set(eventId, { eventId, ...event, ...place });
    this.state.set(joinedKey(event.type, event.stateKey), eventId);
  }

  member(eventId: string, stateKey: string, cites: readonly string[], content: JsonObject, sender = stateKey): void {
    this.add(eventId, { type: 'm.room.member', stateKey, sender, cites, content });
  }

  levels(eventId: string, cites: readonly string[], kick: number): void {
    const users: JsonObject = this.#version === '12' ? {} : { [admin]: 100 };
    this.add(eventId, { type: 'm.room.power_levels', stateKey: '', sender: admin, cites, content: { users, kick } });
  }
}
