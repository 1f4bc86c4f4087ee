/** Owns random histories: what N users do in M rooms, mostly what they may, chosen from a seed. */
import { Chance } from '#test/support/chance.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import { far, type ForkAct, type Operation } from '#test/sync-oracle/operations.ts';

export type HistoryOptions = {
  readonly users: number;
  readonly rooms: number;
  /** Rooms of another server's, besides. */
  readonly farRooms: number;
  readonly operations: number;
};

type Membership = 'none' | 'invite' | 'join' | 'leave' | 'knock' | 'ban';
/** What the generator takes to be the state of a room: nearly right is enough, since what is refused changes nothing. */
type Sketch = {
  readonly members: Membership[];
  joinRule: string;
  readonly admins: Set<number>;
  readonly isFar: boolean;
};

const acts: readonly ForkAct[] = [
  ...(['message', 'message', 'topic', 'topic', 'name', 'level', 'level', 'joinRule'] as const),
  ...(['invite', 'kick', 'ban', 'ban', 'unban'] as const),
];

/** Many words, so that a difference can be found again by what was written. */
const words = ['tea', 'harbour', 'lantern', 'quiet', 'orchard', 'copper', 'meadow', 'signal'];

/** The same seed and options make the same history. It begins with its rooms. */
export function randomHistory(seed: number, options: HistoryOptions): Operation[] {
  const writer = new HistoryWriter(new Chance(seededNumbers(seed)), options);
  for (let room = 0; room < options.rooms; room += 1) writer.createRoom();
  for (let room = 0; room < options.farRooms; room += 1) writer.createFarRoom();
  while (writer.operations.length < options.operations) writer.step();
  return writer.operations;
}

class HistoryWriter {
  readonly operations: Operation[] = [];
  readonly #chance: Chance;
  readonly #userCount: number;
  readonly #roomsMax: number;
  readonly #rooms: Sketch[] = [];

  constructor(chance: Chance, options: HistoryOptions) {
    this.#chance = chance;
    this.#userCount = options.users;
    this.#roomsMax = options.rooms * 2 + options.farRooms;
  }

  createRoom(): void {
    const by = this.#user();
    const preset = this.#chance.pick(['public_chat', 'private_chat', 'trusted_private_chat']);
    const invites = this.#users().filter((user) => user !== by && this.#chance.isOneIn(2));
    const version = this.#chance.isOneIn(3) ? this.#chance.pick(['6', '8', '10', '11']) : null;
    this.operations.push({ kind: 'createRoom', by, preset, invites, version });
    const members = this.#users().map((user): Membership => (invites.includes(user) ? 'invite' : 'none'));
    members[by] = 'join';
    const admins = new Set(preset === 'trusted_private_chat' ? [by, ...invites] : [by]);
    this.#rooms.push({ members, joinRule: preset === 'public_chat' ? 'public' : 'invite', admins, isFar: false });
    if (this.#chance.isOneIn(3)) this.#setJoinRule(this.#rooms.length - 1, by, 'knock');
  }

  createFarRoom(): void {
    const version = this.#chance.pick(['10', '11', '12']);
    const admins = this.#users().filter(() => this.#chance.isOneIn(2));
    this.operations.push({ kind: 'farRoom', by: far, version, admins });
    const members = this.#users().map((): Membership => 'none');
    const sketch = { members, joinRule: 'public', admins: new Set(admins), isFar: true };
    const room = this.#rooms.push(sketch) - 1;
    for (const user of this.#users()) if (!this.#chance.isOneIn(4)) this.#setOwn(room, sketch, user, 'join');
  }

  step(): void {
    const dice = this.#chance.between(0, 99);
    if (dice < 20) this.operations.push({ kind: 'sync', by: this.#user(), isLost: this.#chance.isOneIn(5) });
    else if (dice < 45) this.#talk();
    else if (dice < 66) this.#changeMembers();
    else if (dice < 77) this.#changeState();
    else if (dice < 90) this.#changeOwnThings();
    else if (dice < 97) this.#fork();
    else if (this.#rooms.length < this.#roomsMax) this.#addRoom();
  }

  #fork(): void {
    const rooms = this.#rooms.flatMap(({ isFar }, room) => (isFar ? [room] : []));
    if (rooms.length === 0) return;
    const act = this.#chance.pick(acts);
    const user = this.#user();
    this.operations.push({
      kind: 'fork',
      by: far,
      room: this.#chance.pick(rooms),
      event: this.#share(),
      followsNewest: this.#chance.isOneIn(3),
      act,
      sender: this.#chance.pick(['creator', 'creator', 'friend', 'friend', 'guest']),
      user,
      text: this.#words(),
      level: this.#chance.pick([0, 50, 99]),
    });
  }

  #talk(): void {
    const { room, sketch } = this.#room();
    const by = this.#memberOf(sketch, 'join');
    const text = this.#words();
    const event = this.#share();
    const dice = this.#chance.between(0, 99);
    if (dice < 50) this.operations.push({ kind: 'send', by, room, text });
    else if (dice < 60) this.operations.push({ kind: 'edit', by, room, event, text });
    else if (dice < 68)
      this.operations.push({ kind: 'react', by, room, event, text: this.#chance.pick(['👍', '🎉', '❤️']) });
    else if (dice < 74) this.operations.push({ kind: 'reply', by, room, event, text });
    else if (dice < 82) this.operations.push({ kind: 'thread', by, room, event, text });
    else if (dice < 90) this.operations.push({ kind: 'mention', by, room, user: this.#user() });
    else this.operations.push({ kind: 'redact', by, room, event });
  }

  #changeMembers(): void {
    const { room, sketch } = this.#room();
    // Those who are not in the room are looked at more often, so that many come back.
    const absent = this.#users().filter((user) => sketch.members[user] !== 'join');
    const user = this.#chance.pick([...this.#users(), ...absent]);
    const before = sketch.members[user] ?? 'none';
    const by = this.#memberOf(sketch, 'join');
    const admin = this.#chance.isOneIn(6) ? by : this.#adminOf(sketch);
    if (before === 'invite' || (before !== 'join' && before !== 'ban' && sketch.joinRule === 'public')) {
      this.#setOwn(room, sketch, user, this.#chance.isOneIn(4) ? 'leave' : 'join');
    } else if (before === 'join') {
      // Those with power are not for others to remove.
      if (sketch.admins.has(user) || this.#chance.isOneIn(3)) this.#setOwn(room, sketch, user, 'leave');
      else this.#setOther(room, sketch, admin, user, this.#chance.isOneIn(2) ? 'ban' : 'kick');
    } else if (before === 'ban') {
      this.#setOther(room, sketch, admin, user, 'unban');
    } else if (sketch.joinRule === 'knock' && before !== 'knock') {
      this.#setOwn(room, sketch, user, 'knock');
    } else {
      this.#setOther(room, sketch, before === 'knock' ? admin : by, user, this.#chance.isOneIn(8) ? 'kick' : 'invite');
    }
  }

  #setOwn(room: number, sketch: Sketch, by: number, kind: 'join' | 'leave' | 'knock'): void {
    this.operations.push({ kind, by, room });
    sketch.members[by] = kind;
    if (kind === 'leave' && this.#chance.isOneIn(4)) this.operations.push({ kind: 'forget', by, room });
  }

  #setOther(room: number, sketch: Sketch, by: number, user: number, kind: 'invite' | 'kick' | 'ban' | 'unban'): void {
    this.operations.push({ kind, by, room, user });
    sketch.members[user] = kind === 'invite' || kind === 'ban' ? kind : 'leave';
  }

  #changeState(): void {
    const { room, sketch } = this.#room();
    const by = this.#chance.isOneIn(8) ? this.#memberOf(sketch, 'join') : this.#adminOf(sketch);
    const dice = this.#chance.between(0, 9);
    const state = (type: string, content: Readonly<Record<string, unknown>>, stateKey = ''): void =>
      void this.operations.push({ kind: 'state', by, room, type, stateKey, content });
    if (dice < 3) state('m.room.topic', { topic: this.#words() });
    else if (dice < 5) state('m.room.name', this.#chance.isOneIn(4) ? {} : { name: this.#words() });
    else if (dice < 6) state('org.example.note', { text: this.#words() }, this.#chance.pick(words));
    else if (dice < 7) {
      this.#setJoinRule(room, by, this.#chance.pick(['public', 'invite', 'knock']));
    } else if (dice < 8) {
      const visibility = this.#chance.pick(['shared', 'shared', 'joined', 'invited', 'world_readable']);
      state('m.room.history_visibility', { history_visibility: visibility });
    } else {
      this.operations.push({ kind: 'level', by, room, user: this.#user(), level: this.#chance.pick([0, 50, 50, 99]) });
    }
  }

  #changeOwnThings(): void {
    const { room, sketch } = this.#room();
    const by = this.#memberOf(sketch, 'join');
    const value = this.#chance.between(0, 99);
    const event = this.#share();
    const dice = this.#chance.between(0, 99);
    if (dice < 40) {
      const type = this.#chance.pick(['m.read', 'm.read', 'm.read.private', 'm.fully_read'] as const);
      const thread = type !== 'm.fully_read' && this.#chance.isOneIn(3) ? 'main' : 'none';
      this.operations.push({ kind: 'receipt', by, room, event, type, thread });
    } else if (dice < 50) this.operations.push({ kind: 'readMarkers', by, room, event });
    else if (dice < 60)
      this.operations.push({ kind: 'roomAccountData', by, room, name: `org.example.${value % 3}`, value });
    else if (dice < 70)
      this.operations.push({ kind: 'tag', by, room, name: this.#chance.pick(['m.favourite', 'u.work']), value });
    else if (dice < 75)
      this.operations.push({ kind: 'untag', by, room, name: this.#chance.pick(['m.favourite', 'u.work']), value });
    else if (dice < 85) this.operations.push({ kind: 'accountData', by, name: `org.example.${value % 3}`, value });
    else if (dice < 93) this.operations.push({ kind: 'typing', by, room, isTyping: this.#chance.isOneIn(2) });
    else if (dice < 97) this.operations.push({ kind: 'displayName', by, name: this.#words() });
    else this.operations.push({ kind: 'ignore', by, users: this.#chance.isOneIn(3) ? [] : [this.#user()] });
  }

  #setJoinRule(room: number, by: number, joinRule: string): void {
    const content = { join_rule: joinRule };
    this.operations.push({ kind: 'state', by, room, type: 'm.room.join_rules', stateKey: '', content });
    const sketch = this.#rooms[room];
    if (sketch !== undefined) sketch.joinRule = joinRule;
  }

  /** A new room, or a new one in place of an old one, which has nobody in it but who upgraded. */
  #addRoom(): void {
    if (this.#chance.isOneIn(2)) {
      this.createRoom();
      return;
    }
    const { room, sketch } = this.#room();
    const by = this.#adminOf(sketch);
    this.operations.push({ kind: 'upgrade', by, room });
    const members = this.#users().map((user): Membership => (user === by ? 'join' : 'none'));
    this.#rooms.push({ members, joinRule: sketch.joinRule, admins: new Set([by]), isFar: false });
  }

  #room(): { readonly room: number; readonly sketch: Sketch } {
    const room = this.#chance.between(0, this.#rooms.length - 1);
    const sketch = this.#rooms[room];
    if (sketch === undefined) throw new Error('A history begins with its rooms.');
    return { room, sketch };
  }

  /** A member, most of the time: now and then somebody tries who is none. */
  #memberOf(sketch: Sketch, membership: Membership): number {
    const members = this.#users().filter((user) => sketch.members[user] === membership);
    return members.length === 0 || this.#chance.isOneIn(25) ? this.#user() : this.#chance.pick(members);
  }

  #adminOf(sketch: Sketch): number {
    const there = [...sketch.admins].filter((user) => sketch.members[user] === 'join');
    return there.length === 0 ? this.#memberOf(sketch, 'join') : this.#chance.pick(there);
  }

  readonly #users = (): number[] => Array.from({ length: this.#userCount }, (_, user) => user);
  readonly #user = (): number => this.#chance.between(0, this.#userCount - 1);
  /** Late events more often than early ones. */
  readonly #share = (): number => 1 - this.#chance.between(0, 99) ** 2 / 100 ** 2;
  readonly #words = (): string =>
    `${this.#chance.pick(words)} ${this.#chance.pick(words)} ${this.#chance.between(0, 999)}`;
}
