/** Owns random rooms for state resolution: a seeded history with forks, each event authorised on its own branch. */
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import { resolveByTheText } from '#test/vectors/state-resolution/oracle.ts';
import { Chance } from '#test/support/chance.ts';
import { proposeEvent, type Proposal } from '#test/vectors/state-resolution/random-events.ts';
import { asAuthEvent, createKey, joinedKey, type ResolvableEvent } from '#test/vectors/state-resolution/resolvable.ts';

export type RandomRoom = {
  readonly events: ReadonlyMap<string, ResolvableEvent>;
  readonly sets: readonly ReadonlyMap<string, string>[];
};
type Branch = { state: Map<string, string>; depth: number; clock: number };

const branchesMax = 4;
const idLetters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The room of this seed: two to eight users, up to about forty events, two to four branches whose states differ. */
export function randomRoom(version: RoomVersion, seed: number): RandomRoom {
  const chance = new Chance(seededNumbers(seed));
  const room = new RoomMaker(version, chance);
  const branches = [room.found()];
  const steps = chance.between(8, 30);
  for (let step = 0; step < steps; step += 1) {
    const branch = chance.pick(branches);
    const dice = chance.between(0, 99);
    if (dice < 15 && branches.length < branchesMax) branches.push({ ...branch, state: new Map(branch.state) });
    else if (dice < 18 && branches.length > 1) room.merge(branches);
    else room.extend(branch);
  }
  if (branches.length === 1) {
    const [branch] = branches;
    if (branch !== undefined) branches.push({ ...branch, state: new Map(branch.state) });
    for (const each of branches) room.extend(each);
  }
  return { events: room.events, sets: branches.map((branch) => branch.state) };
}

class RoomMaker {
  readonly events = new Map<string, ResolvableEvent>();
  readonly #version: RoomVersion;
  readonly #chance: Chance;
  readonly #users: readonly string[];

  constructor(version: RoomVersion, chance: Chance) {
    this.#version = version;
    this.#chance = chance;
    this.#users = Array.from({ length: chance.between(2, 8) }, (_, at) => `@u${at}:s${at % 3}.test`);
  }

  /** The first events of the room, as a creator's server makes them, and some members. */
  found(): Branch {
    const branch: Branch = { state: new Map(), depth: 0, clock: 1000 };
    const [creator = '', ...others] = this.#users;
    const named: JsonObject = this.#version.creatorInContent ? { creator } : { room_version: this.#version.id };
    const content: JsonObject = { ...named };
    if (this.#version.privilegedCreators && others[0] !== undefined && this.#chance.isOneIn(4)) {
      content['additional_creators'] = [others[0]];
    }
    this.#add(branch, { type: 'm.room.create', stateKey: '', sender: creator, content });
    this.#add(branch, member(creator, creator, 'join'));
    if (!this.#chance.isOneIn(8)) {
      const users: JsonObject = {};
      const creators = [creator, ...(Array.isArray(content['additional_creators']) ? others.slice(0, 1) : [])];
      for (const user of this.#users) {
        if (this.#version.privilegedCreators && creators.includes(user)) continue;
        if (user === creator || this.#chance.isOneIn(2)) users[user] = user === creator ? 100 : this.#chance.pick([100, 75, 50, 50]);
      }
      const events: JsonObject = this.#chance.isOneIn(2) ? { 'm.room.topic': 0 } : {};
      this.#add(branch, { type: 'm.room.power_levels', stateKey: '', sender: creator, content: { users, events } });
    }
    const joinRule = this.#chance.pick(['public', 'public', 'invite']);
    this.#add(branch, { type: 'm.room.join_rules', stateKey: '', sender: creator, content: { join_rule: joinRule } });
    for (const user of others) {
      if (this.#chance.isOneIn(4)) continue;
      if (joinRule === 'invite') this.#add(branch, member(creator, user, 'invite'));
      this.#add(branch, member(user, user, 'join'));
    }
    return branch;
  }

  /** One more event, if one of a few proposals is authorised; some that are not stay as rejected events. */
  extend(branch: Branch): void {
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const find = (type: string, stateKey: string) => this.events.get(branch.state.get(joinedKey(type, stateKey)) ?? '');
      if (this.#add(branch, proposeEvent(this.#chance, this.#users, find))) return;
    }
  }

  /** Two branches become one; what other servers would take for its state is the resolution of the two. */
  merge(branches: Branch[]): void {
    const [left, right] = [this.#chance.pick(branches), this.#chance.pick(branches)];
    if (left === right) return;
    left.state = resolveByTheText(this.#version, [left.state, right.state], this.events);
    left.depth = Math.max(left.depth, right.depth);
    left.clock = Math.max(left.clock, right.clock);
  }

  #add(branch: Branch, proposal: Proposal): boolean {
    const selected = selectAuthTypes(
      { type: proposal.type, sender: proposal.sender, state_key: proposal.stateKey, content: proposal.content },
      this.#version,
    );
    const authEvents = selected.flatMap(([type, stateKey]) => this.#find(branch, type, stateKey) ?? []);
    // Clocks of different servers stand apart by a little, so that many times are equal and some go backwards.
    branch.clock += this.#chance.between(-2, 4);
    const event: ResolvableEvent = {
      eventId: this.#newId(),
      ...proposal,
      originServerTs: branch.clock,
      depth: branch.depth + 1,
      authEventIds: authEvents.map(({ eventId }) => eventId),
      authGen: 1 + Math.max(0, ...authEvents.map(({ authGen }) => authGen)),
      rejected: false,
    };
    const isAllowed = this.#isAllowed(branch, event);
    if (isAllowed) {
      branch.depth += 1;
      // Another server may have taken what this one rejected, and build on it.
      const rejected = event.depth > 4 && this.#chance.isOneIn(30);
      this.events.set(event.eventId, { ...event, rejected });
      branch.state.set(joinedKey(event.type, event.stateKey), event.eventId);
    } else if (this.#chance.isOneIn(12)) {
      // So may a server that is in league with the sender.
      branch.depth += 1;
      this.events.set(event.eventId, { ...event, rejected: true });
      branch.state.set(joinedKey(event.type, event.stateKey), event.eventId);
      return true;
    }
    return isAllowed;
  }

  #isAllowed(branch: Branch, event: ResolvableEvent): boolean {
    const create = this.events.get(branch.state.get(createKey) ?? '');
    const find = (type: string, stateKey: string) => {
      const found = this.#find(branch, type, stateKey);
      return found === undefined ? undefined : asAuthEvent(found, this.#version, create);
    };
    return checkAuth(asAuthEvent(event, this.#version, create), this.#version, find, { verify: () => false }).allowed;
  }

  #find(branch: Branch, type: string, stateKey: string): ResolvableEvent | undefined {
    return this.events.get(branch.state.get(joinedKey(type, stateKey)) ?? '');
  }

  #newId(): string {
    let id = '$';
    for (let length = 0; length < 6; length += 1) id += idLetters.charAt(this.#chance.between(0, idLetters.length - 1));
    return id;
  }
}

function member(sender: string, stateKey: string, membership: string): Proposal {
  return { type: 'm.room.member', stateKey, sender, content: { membership } };
}
