/** Owns another server's part in a history: rooms that it made, and events of its own after others than the newest. */
import { randomBytes } from 'node:crypto';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { statement } from '#storage/database.ts';
import { createNidAllocator } from '#storage/nid-allocator.ts';
import { createStateTries } from '#storage/rooms/state-tries.ts';
import { ensureSecret } from '#storage/server-identity.ts';
import { creator, ForeignRoom, friend, guest, membership, type ForeignDraft } from '#test/rooms/foreign-room.ts';
import { createRoomParts } from '#test/support/room-parts.ts';
import { testServerName } from '#test/support/server-process.ts';
import type { TestDatabase } from '#test/support/test-database.ts';
import type { ForkAct, Operation } from '#test/sync-oracle/operations.ts';

type Fork = Extract<Operation, { readonly kind: 'fork' }>;
type Parts = Awaited<ReturnType<typeof createRoomParts>>;

const senders = { creator, friend, guest } as const;
/**
 * A user of the servers under test who is in every room from the start and takes no part: the other server cannot be asked to let
 * anybody in, and ours do it where somebody of them is in the room.
 */
const anchor = `@anchor:${testServerName}`;
/** Of a member whom an act makes. */
const memberships: Partial<Record<ForkAct, string>> = { invite: 'invite', kick: 'leave', ban: 'ban', unban: 'leave' };

const selectOthers = statement<{ json: string }>(
  'test_select_others',
  `select j.json from events e join event_json j using (event_nid) join rooms r on r.room_nid = e.room_nid
   where r.room_id = $1 and e.status = 2 and e.event_id <> all($2::text[])`,
);
const countResolutions = statement<{ count: number }>(
  'test_count_resolutions',
  'select count(*) as count from room_heads where cause = 2',
);

/** Writes to the database of the servers under test, as what comes in over federation would be written. */
export class FarServer implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #resources: AsyncDisposableStack;
  readonly #rooms = new Map<string, ForeignRoom>();

  private constructor(parts: Parts, resources: AsyncDisposableStack) {
    this.#parts = parts;
    this.#resources = resources;
  }

  /** Once a server of ours has made the secret that the state of rooms is stored by. */
  static async open(database: TestDatabase): Promise<FarServer> {
    const resources = new AsyncDisposableStack();
    const plain = resources.use(await createRoomParts(database));
    const nids = createNidAllocator(plain.database);
    const secret = await plain.database.transaction((tx) => ensureSecret(tx, 'state_trie_slots', randomBytes(4)));
    const tries = createStateTries({ nids, secret: secret.readInt32BE(0) });
    return new FarServer(resources.use(await createRoomParts(database, { nids, tries })), resources);
  }

  /** A public room; gives its id. */
  async createRoom(version: string, levels: ReadonlyMap<string, number>): Promise<string> {
    const room = new ForeignRoom(version, randomBytes(6).toString('hex'));
    const start = room.start();
    const levelled = room.add(levelDraft(room, creator, levels), start.slice(-1));
    const ids = [...start, levelled, room.add(membership(anchor, anchor, 'join'), [levelled])];
    const events = ids.map((id) => ({ sealed: room.require(id).pdu }));
    await this.#parts.persistEvents({ room: { create: room.version }, events });
    this.#rooms.set(room.roomId, room);
    return room.roomId;
  }

  /** One more event somewhere in the graph of one of the rooms; gives its id and what the server made of it. */
  async fork(
    roomId: string,
    operation: Fork,
    target: string,
  ): Promise<{ readonly eventId: string; readonly status: string }> {
    const room = this.#rooms.get(roomId);
    if (room === undefined) throw new Error(`${roomId} is no room of the other server's.`);
    for (const event of await this.#findOthers(room)) room.adopt(event);
    const known = [...room.events.keys()];
    const old = known[Math.floor(operation.event * (known.length - 1))] ?? '';
    const newest = known.at(-1) ?? '';
    const eventId = room.add(draftOf(room, operation, target), [
      ...new Set(operation.followsNewest ? [old, newest] : [old]),
    ]);
    const { statuses } = await this.#parts.persistEvents({
      room: { roomId },
      events: [{ sealed: room.require(eventId).pdu }],
    });
    return { eventId, status: statuses[0] ?? '' };
  }

  hasRoom(roomId: string): boolean {
    return this.#rooms.has(roomId);
  }

  /** How often a room's state was resolved. */
  async countResolutions(): Promise<number> {
    return (await this.#parts.database.query(countResolutions, []))[0]?.count ?? 0;
  }

  /** What others wrote since, each behind what it follows. */
  async #findOthers(room: ForeignRoom): Promise<ValidatedPdu[]> {
    const rows = await this.#parts.database.query(selectOthers, [room.roomId, [...room.events.keys()]]);
    return rows
      .map(({ json }) => {
        const verdict = validatePdu(json, room.version);
        if (!verdict.ok) throw new Error(`An event that was stored is none: ${json}`);
        return verdict.event;
      })
      .toSorted((one, other) => one.pdu.depth - other.pdu.depth);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function draftOf(room: ForeignRoom, { act, sender: role, text, level }: Fork, target: string): ForeignDraft {
  const sender = senders[role];
  const state = (type: string, content: ForeignDraft['content'] & object): ForeignDraft => ({
    type,
    sender,
    stateKey: '',
    content,
  });
  const member = memberships[act];
  if (member !== undefined) return membership(sender, target, member);
  if (act === 'topic') return state('m.room.topic', { topic: text });
  if (act === 'name') return state('m.room.name', level === 0 ? {} : { name: text });
  if (act === 'level') return levelDraft(room, sender, new Map([[target, level]]));
  if (act === 'joinRule') return state('m.room.join_rules', { join_rule: level === 0 ? 'invite' : 'public' });
  return { type: 'm.room.message', sender, content: { msgtype: 'm.text', body: text } };
}

function levelDraft(room: ForeignRoom, sender: string, levels: ReadonlyMap<string, number>): ForeignDraft {
  const own = room.version.privilegedCreators ? {} : { [creator]: 100 };
  const users = { ...own, [friend]: 50, ...Object.fromEntries(levels) };
  return { type: 'm.room.power_levels', sender, stateKey: '', content: { users } };
}
