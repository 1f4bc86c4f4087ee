/** Owns rooms whose state flips back and forth, and what an independent model says of every state that they ever had. */
import assert from 'node:assert/strict';
import { joinedKey } from '#matrix/joined-key.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import type { DraftEvent } from '#rooms/persist-request.ts';
import { createStateTries, type StateTries } from '#storage/rooms/state-tries.ts';
import type { Database } from '#storage/database.ts';
import { once } from '#test/rooms/rows-of-rooms.ts';
import type { Chance } from '#test/support/chance.ts';
import { trieSecret, type createRoomParts } from '#test/support/room-parts.ts';

type Parts = Awaited<ReturnType<typeof createRoomParts>>;

const creator = '@creator:hs1.test';
const EVENTS_OF_REQUEST = 200;

const memberOf = (userId: string, displayname: string): DraftEvent => ({
  sender: userId,
  type: 'm.room.member',
  state_key: userId,
  content: { membership: 'join', displayname },
});

/** Every change of the state in its order, as it was asked for and answered: the state before number `n` is what 0 to n-1 made. */
type Written = { readonly key: string; readonly eventId: string };

export class FlippingRoom {
  readonly #chance: Chance;
  readonly #members: readonly string[];
  readonly #isSecond = new Map<string, boolean>();
  readonly written: Written[] = [];
  /** Events whose states before them were given up. */
  readonly dropped = new Set<string>();
  roomId = '';
  roomNid = 0;

  constructor(chance: Chance, memberCount: number) {
    this.#chance = chance;
    // Of another server, so that no rows of local users are written.
    this.#members = Array.from({ length: memberCount }, (_, index) => `@member${index}:far.test`);
  }

  async create(parts: Parts): Promise<void> {
    const version = findRoomVersion('12');
    assert.ok(version);
    const drafts: DraftEvent[] = [
      { sender: creator, type: 'm.room.create', state_key: '', content: { room_version: '12' } },
      memberOf(creator, 'first'),
      { sender: creator, type: 'm.room.join_rules', state_key: '', content: { join_rule: 'public' } },
    ];
    const { roomId, roomNid, eventIds } = await parts.persistEvents({ room: { create: version }, events: drafts });
    this.roomId = roomId;
    this.roomNid = roomNid;
    this.#note(drafts, eventIds);
    for (let at = 0; at < this.#members.length; at += EVENTS_OF_REQUEST) {
      await this.#write(
        parts,
        this.#members.slice(at, at + EVENTS_OF_REQUEST).map((id) => memberOf(id, 'first')),
      );
    }
  }

  /** Changes so many entries to the other one of their two values, by one process; another one sends a message meanwhile. */
  async flip(parts: Parts, other: Parts, count: number): Promise<void> {
    const content = { msgtype: 'm.text', body: 'meanwhile' };
    const message = { sender: creator, type: 'm.room.message', content };
    const sent = other.persistEvents({ room: { roomId: this.roomId }, events: [message] });
    await this.#write(
      parts,
      Array.from({ length: count }, () => this.#flipped()),
    );
    await sent;
  }

  #flipped(): DraftEvent {
    const isMember = this.#chance.isOneIn(2);
    const stateKey = isMember ? this.#chance.pick(this.#members) : `key ${this.#chance.between(1, 20)}`;
    const isSecond = this.#isSecond.get(stateKey) !== true;
    this.#isSecond.set(stateKey, isSecond);
    const value = isSecond ? 'second' : 'first';
    if (isMember) return memberOf(stateKey, value);
    return { sender: creator, type: 'org.example.flip', state_key: stateKey, content: { value } };
  }

  async #write(parts: Parts, drafts: readonly DraftEvent[]): Promise<void> {
    const { eventIds } = await parts.persistEvents({ room: { roomId: this.roomId }, events: drafts });
    this.#note(drafts, eventIds);
  }

  #note(drafts: readonly DraftEvent[], eventIds: readonly string[]): void {
    for (const [index, { type, state_key: stateKey = '' }] of drafts.entries()) {
      this.written.push({ key: joinedKey(type, stateKey), eventId: eventIds[index] ?? assert.fail() });
    }
  }

  /** Gives up the states before some events, but for the newest, and the heads with them, by the rule of decision 0031. */
  async drop(database: Database, share: number): Promise<void> {
    const old = this.written.slice(0, -100).filter(({ eventId }) => !this.dropped.has(eventId));
    const chosen = old.filter(() => this.#chance.isOneIn(share)).map(({ eventId }) => eventId);
    await database.transaction(async (tx) => {
      await tx.query(once('select pg_advisory_xact_lock(1, ($1::bigint & 2147483647)::integer)'), [this.roomNid]);
      await tx.query(once('update events set state_before = null where event_id = any($1::text[])'), [chosen]);
      await tx.query(
        once(
          `with newest as (select * from room_heads where room_nid = $1 order by room_seq desc limit 1),
             gone as (delete from room_heads h using newest n where h.room_nid = $1 and h.room_seq < n.room_seq)
           insert into room_heads select room_nid, room_seq + 1, pos, bump_pos, state_root, extremity_nids, depth, last_order,
             notify_seq, cause from newest`,
        ),
        [this.roomNid],
      );
    });
    for (const eventId of chosen) this.dropped.add(eventId);
  }

  /**
   * Reads the states before the kept events with nothing in memory, and compares them with the model: the first one as a whole, then of each
   * what differs from the one before, every hundredth as a whole again, and last the room's state. With a `share`
   * only one in so many is looked at.
   */
  async check(database: Database, share = 1): Promise<number> {
    const tries = createStateTries({ nids: { reserve: assert.fail, take: assert.fail }, secret: trieSecret });
    const names = await this.#names(database);
    const reader = new StateReader(database, tries, this.roomNid, names);
    const roots = await this.#roots(database);
    const model = new Map<string, string>();
    let since = new Set<string>();
    let previous: number | undefined;
    let checked = 0;
    for (const { key, eventId } of this.written) {
      if (!this.dropped.has(eventId) && (share === 1 || this.#chance.isOneIn(share))) {
        const root = roots.get(eventId) ?? assert.fail(`the state before ${eventId} is kept`);
        if (previous === undefined || checked % 100 === 0) assert.deepEqual(await reader.whole(root), model);
        if (previous !== undefined) assert.deepEqual(await reader.changes(previous, root), pickEntries(model, since));
        previous = root;
        since = new Set();
        checked++;
      }
      model.set(key, eventId);
      since.add(key);
    }
    const now = roots.get('') ?? assert.fail();
    assert.deepEqual(await reader.whole(now), model);
    return checked;
  }

  async #names(database: Database): Promise<Names> {
    type Name = { nid: number; name: string };
    const keys = await database.query(
      once<{ key_nid: number; type: string; state_key: string }>('select key_nid, type, state_key from state_keys'),
      [],
    );
    const events = await database.query(
      once<Name>('select event_nid as nid, event_id as name from events where room_nid = $1 and key_nid is not null'),
      [this.roomNid],
    );
    return {
      keys: new Map(keys.map((row) => [row.key_nid, joinedKey(row.type, row.state_key)])),
      events: new Map(events.map(({ nid, name }) => [nid, name])),
    };
  }

  /** By event id the state before the event; by '' that of the room. */
  async #roots(database: Database): Promise<ReadonlyMap<string, number>> {
    const rows = await database.query(
      once<{ id: string; root: number }>(
        `select event_id as id, state_before as root from events where room_nid = $1 and state_before is not null
         union all (select '', state_root from room_heads where room_nid = $1 order by room_seq desc limit 1)`,
      ),
      [this.roomNid],
    );
    return new Map(rows.map(({ id, root }) => [id, root]));
  }
}

type Names = { readonly keys: ReadonlyMap<number, string>; readonly events: ReadonlyMap<number, string> };

/** States in the words of the model. */
class StateReader {
  readonly #database: Database;
  readonly #tries: StateTries;
  readonly #roomNid: number;
  readonly #names: Names;

  constructor(database: Database, tries: StateTries, roomNid: number, names: Names) {
    this.#database = database;
    this.#tries = tries;
    this.#roomNid = roomNid;
    this.#names = names;
  }

  async whole(root: number): Promise<Map<string, string>> {
    const entries = await this.#tries.entries(this.#database, this.#roomNid, root);
    return new Map(entries.map(([key, event]) => this.#named(key, event)));
  }

  async changes(before: number, after: number): Promise<Map<string, string>> {
    const changes = await this.#tries.diff(this.#database, this.#roomNid, before, after);
    return new Map(changes.map((change) => this.#named(change.keyNid, change.after)));
  }

  #named(keyNid: number, eventNid: number | undefined): [string, string] {
    const event = eventNid === undefined ? 'removed' : this.#names.events.get(eventNid);
    return [this.#names.keys.get(keyNid) ?? 'no such key', event ?? 'no such event'];
  }
}

function pickEntries(model: ReadonlyMap<string, string>, keys: ReadonlySet<string>): Map<string, string> {
  return new Map([...keys].map((key) => [key, model.get(key) ?? 'no such entry']));
}
