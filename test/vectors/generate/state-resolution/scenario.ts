/** Owns the short notation of the state resolution scenarios, and its expansion into events, sets and expectations. */
import assert from 'node:assert/strict';
import { selectAuthEvents } from '#test/vectors/generate/select-auth-events.ts';
import type { AuthEvent, Content } from '#test/vectors/generate/sketch.ts';

/** A state event as a branch adds it. Auth events are selected from the branch, unless `cites` names them. */
export type Move = {
  readonly id: string;
  readonly type: string;
  readonly stateKey: string;
  readonly sender: string;
  readonly content: Content;
  /** Milliseconds; otherwise 1,000 for each step of depth. */
  readonly ts?: number;
  readonly depth?: number;
  readonly cites?: readonly string[];
  readonly rejected?: true;
  /** It exists and is cited, but the state of its branch does not take it in. */
  readonly outside?: true;
};

export type Algorithm = 'v1' | 'v2' | 'v2.1';

export type Scenario = {
  readonly name: string;
  readonly why: string;
  readonly reading?: string;
  /** The lowest room version that has what the scenario needs. */
  readonly since?: number;
  readonly createContent?: Content;
  /** Content of the power levels; null for a room without them. Creators of version 12 are taken out. */
  readonly power?: Content | null;
  readonly joinRules?: Content;
  /** What happened before the branches, after the room was made and bob and carol had joined. */
  readonly base?: readonly Move[];
  readonly branches: readonly (readonly Move[])[];
  /** What every branch has as well, later; it cites what the first branch has. */
  readonly common?: readonly Move[];
  /** By algorithm, the ids that the resolved state has beside or instead of those of the state before the branches. */
  readonly expect: { readonly [A in Algorithm]?: readonly string[] };
  /** Refusing to resolve is as good. With no expectation of a state, any answer is, as long as there is one. */
  readonly orError?: true;
  /** Keys of the state before the branches that the resolved state does not have. */
  readonly gone?: readonly (readonly [type: string, stateKey: string])[];
};

export type Case = {
  readonly name: string;
  readonly versions: readonly string[];
  readonly why: string;
  readonly reading?: string;
  readonly orError?: true;
  readonly events: readonly CaseEvent[];
  readonly sets: readonly (readonly string[])[];
  readonly expect: readonly string[] | null;
};
type CaseEvent = Omit<AuthEvent, 'room_id' | 'prev_events' | 'redacts'> & { readonly rejected?: true };

export const alice = '@alice:a.test';
export const bob = '@bob:b.test';
export const carol = '@carol:c.test';
export const dave = '@dave:b.test';
export const erin = '@erin:c.test';

export const member = (id: string, sender: string, target: string, membership: string, more: Content = {}): Move => ({
  id: `$${id}`,
  type: 'm.room.member',
  stateKey: target,
  sender,
  content: { membership, ...more },
});
export const join = (id: string, user: string, more: Content = {}): Move => member(id, user, user, 'join', more);
export const state = (id: string, sender: string, type: string, content: Content, stateKey = ''): Move => ({
  id: `$${id}`,
  type,
  stateKey,
  sender,
  content,
});
export const topic = (id: string, sender: string): Move => state(id, sender, 'm.room.topic', { topic: id });
export const levels = (id: string, sender: string, content: Content): Move =>
  state(id, sender, 'm.room.power_levels', content);
export const rules = (id: string, sender: string, joinRule: string, more: Content = {}): Move =>
  state(id, sender, 'm.room.join_rules', { join_rule: joinRule, ...more });

const versionsOf = { v1: ['1'], v2: ['2', '3', '4', '5', '6', '7', '8', '9', '10', '11'], 'v2.1': ['12'] } as const;
const algorithms: readonly Algorithm[] = ['v1', 'v2', 'v2.1'];

/** One case for each algorithm that the scenario expects something of. */
export function expandScenario(scenario: Scenario): Case[] {
  const wanted = algorithms.filter((algorithm) => scenario.expect[algorithm] !== undefined || scenario.orError);
  return wanted.flatMap((algorithm) => {
    const versions = versionsOf[algorithm].filter((version) => Number(version) >= (scenario.since ?? 1));
    return versions.length === 0 ? [] : [expandFor(scenario, algorithm, versions)];
  });
}

function expandFor(scenario: Scenario, algorithm: Algorithm, versions: readonly string[]): Case {
  const room = new RoomWriter(algorithm === 'v2.1', Number(versions[0]) >= 8);
  const before = [...roomStart(scenario, algorithm), ...(scenario.base ?? [])].reduce(
    (state, move) => room.apply(state, move),
    new Map<string, AuthEvent>(),
  );
  const branches = scenario.branches.map((moves) => moves.reduce((state, move) => room.apply(state, move), before));
  const common = (scenario.common ?? []).map((move) => room.write(branches[0] ?? before, move));
  const sets = branches.map((state) => common.reduce((next, event) => room.put(next, event), state));
  const expected = scenario.expect[algorithm];
  const after = common.reduce((next, event) => room.put(next, event), before);
  for (const pair of scenario.gone ?? []) after.delete(JSON.stringify(pair));
  return {
    name: `${scenario.name}-${algorithm.replace('.', '')}`,
    versions,
    why: scenario.why,
    ...(scenario.reading === undefined ? {} : { reading: scenario.reading }),
    ...(scenario.orError === undefined ? {} : { orError: true }),
    events: room.written,
    sets: sets.map((set) => [...set.values()].map((event) => event.event_id)),
    expect: expected === undefined ? null : room.overlay(after, expected),
  };
}

/** Creates the room, with alice as its creator and bob and carol as members. */
function roomStart(scenario: Scenario, algorithm: Algorithm): Move[] {
  const creatorInContent: Content = algorithm === 'v2.1' ? { room_version: '12' } : { creator: alice };
  const content = { ...creatorInContent, ...scenario.createContent };
  const power = scenario.power === undefined ? { users: { [alice]: 100, [bob]: 50 } } : scenario.power;
  return [
    { ...state('create', alice, 'm.room.create', content), ts: 1000 },
    join('alice', alice),
    ...(power === null ? [] : [levels('power', alice, power)]),
    state('rules', alice, 'm.room.join_rules', scenario.joinRules ?? { join_rule: 'public' }),
    join('bob', bob),
    join('carol', carol),
  ];
}

class RoomWriter {
  readonly written: CaseEvent[] = [];
  readonly #byId = new Map<string, AuthEvent>();
  readonly #hasHashedRoomId: boolean;
  readonly #hasRestrictedJoins: boolean;

  constructor(hasHashedRoomId: boolean, hasRestrictedJoins: boolean) {
    this.#hasHashedRoomId = hasHashedRoomId;
    this.#hasRestrictedJoins = hasRestrictedJoins;
  }

  put(before: ReadonlyMap<string, AuthEvent>, event: AuthEvent): Map<string, AuthEvent> {
    return new Map(before).set(JSON.stringify([event.type, event.state_key]), event);
  }

  apply(before: ReadonlyMap<string, AuthEvent>, move: Move): Map<string, AuthEvent> {
    const event = this.write(before, move);
    return move.outside === true ? new Map(before) : this.put(before, event);
  }

  write(before: ReadonlyMap<string, AuthEvent>, move: Move): AuthEvent {
    const depth = move.depth ?? Math.max(0, ...[...before.values()].map((event) => event.depth)) + 1;
    const event: AuthEvent = {
      event_id: move.id,
      type: move.type,
      sender: move.sender,
      room_id: '!room:a.test',
      state_key: move.stateKey,
      content: this.#contentOf(move),
      auth_events: [],
      prev_events: [],
      origin_server_ts: move.ts ?? depth * 1000,
      depth,
    };
    const options = { create: !this.#hasHashedRoomId, restricted: this.#hasRestrictedJoins };
    const selected = selectAuthEvents(event, [...before.values()], options).map((chosen) => chosen.event_id);
    const cited = { ...event, auth_events: (move.cites ?? selected).filter((id) => this.#isCitable(id)) };
    const { room_id: _roomId, prev_events: _prevEvents, ...shown } = cited;
    const known = this.#byId.get(move.id);
    if (known === undefined) this.written.push(move.rejected === true ? { ...shown, rejected: true } : shown);
    else assert.deepEqual(cited, known, 'branches that share an event write the same one');
    this.#byId.set(move.id, cited);
    return cited;
  }

  overlay(before: ReadonlyMap<string, AuthEvent>, ids: readonly string[]): string[] {
    const state = ids.reduce((next, id) => {
      const event = this.#byId.get(id);
      if (event === undefined) throw new Error(`No event ${id} was written.`);
      return this.put(next, event);
    }, new Map(before));
    return [...state.values()].map((event) => event.event_id);
  }

  #isCitable(id: string): boolean {
    return !(this.#hasHashedRoomId && id === '$create');
  }

  /** Version 12 refuses power levels that name a creator. */
  #contentOf(move: Move): Content {
    const { users } = move.content;
    const names = move.type === 'm.room.power_levels' && typeof users === 'object' && users !== null;
    if (!this.#hasHashedRoomId || !names || Array.isArray(users)) return move.content;
    return { ...move.content, users: Object.fromEntries(Object.entries(users).filter(([user]) => user !== alice)) };
  }
}
