/** Owns a room of a server as a scripted peer takes part in it: it knows the room's events, and adds signed ones of its own. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { createLogger } from '#core/logger.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import { parseJsonExactly } from '#matrix/parse-json.ts';
import { readStoredPdu, validatePdu } from '#matrix/pdu-checks.ts';
import { eventIdsOf, type JsonObject, type Pdu } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { signText } from '#matrix/signing-keys.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { signedRequestText, writeXMatrix } from '#matrix/x-matrix.ts';
import { openDatabase } from '#storage/database.ts';
import { createNidAllocator } from '#storage/nid-allocator.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { ensureSecret } from '#storage/server-identity.ts';
import { createStateTries } from '#storage/rooms/state-tries.ts';
import type { FederatedServer } from '#test/support/federated-servers.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import { text } from '#test/support/matrix-shapes.ts';
import { exchange, type Peer, type PeerAnswer } from '#test/support/peer.ts';
import { createRoomParts } from '#test/support/room-parts.ts';

/** What a peer knows of the server whose room it is. */
export type RoomHost = Pick<FederatedServer, 'name' | 'database'>;

export type PeerDraft = {
  readonly type: string;
  readonly sender: string;
  readonly stateKey?: string;
  readonly content?: JsonObject;
  /** Instead of the newest events that the peer knows. */
  readonly prevIds?: readonly string[];
  /** Instead of what the newest state makes it cite. */
  readonly authIds?: readonly string[];
  /** More keys, or others instead. */
  readonly extra?: JsonObject;
};

type RoomParts = Awaited<ReturnType<typeof createRoomParts>>;
type Known = { readonly eventId: string; readonly pdu: Pdu; readonly json: string };

export class PeerRoom {
  readonly peer: Peer;
  readonly server: RoomHost;
  readonly roomId: string;
  readonly version: RoomVersion;
  readonly events = new Map<string, Known>();
  #txn = 0;

  private constructor(peer: Peer, server: RoomHost, roomId: string, version: RoomVersion) {
    this.peer = peer;
    this.server = server;
    this.roomId = roomId;
    this.version = version;
  }

  /** A public room of the user's that users of the peer have joined. */
  static async create(
    peer: Peer,
    server: RoomHost,
    owner: MatrixHttp,
    options: { readonly joined?: readonly string[]; readonly room?: JsonObject } = {},
  ): Promise<PeerRoom> {
    const { joined = ['bob'], room: body = {} } = options;
    const roomId = await owner.createRoom({ preset: 'public_chat', ...body });
    const create = (await owner.getFullState(roomId)).find(({ type }) => type === 'm.room.create');
    const version = findRoomVersion(text(create?.content ?? {}, 'room_version'));
    assert.ok(version);
    const room = new PeerRoom(peer, server, roomId, version);
    await room.learn();
    let { nextBatch: since } = await owner.sync();
    for (const localpart of joined) {
      const userId = peer.userId(localpart);
      const join = room.add({
        type: 'm.room.member',
        sender: userId,
        stateKey: userId,
        content: { membership: 'join' },
      });
      // As if the server had let the user in.
      assert.deepEqual(await room.persistHere(join), ['accepted']);
      since = (await syncUntil(owner, since, roomId, join.eventId)).nextBatch;
    }
    return room;
  }

  /** A room of the peer's, of which the server has nothing yet. */
  static async remote(peer: Peer, server: RoomHost, localpart = 'bob'): Promise<PeerRoom> {
    const version = findRoomVersion('11');
    assert.ok(version);
    const room = new PeerRoom(peer, server, `!${randomUUID()}:${peer.name}`, version);
    const sender = peer.userId(localpart);
    const state = (type: string, stateKey: string, content: JsonObject): void => {
      room.add({ type, sender, stateKey, content });
    };
    state('m.room.create', '', { room_version: version.id });
    state('m.room.member', sender, { membership: 'join' });
    state('m.room.power_levels', '', { users: { [sender]: 100 } });
    state('m.room.join_rules', '', { join_rule: 'public' });
    return room;
  }

  /** The server takes the user in by what the peer told of the room: its state now, and nothing of its history. */
  async enter(userId: string): Promise<ValidatedPdu> {
    const stateIds = [...this.state().values()];
    const prevIds = this.newest();
    const join = this.add({ type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } });
    const events = stateIds.map((id) => {
      const verdict = validatePdu(this.events.get(id)?.json ?? '', this.version);
      assert.ok(verdict.ok);
      return verdict.event;
    });
    const { roomId, version } = this;
    const states = new Map(prevIds.map((id) => [id, stateIds]));
    const { statuses } = await this.#asProcess(async (own) => {
      await persistOutliers(own, { roomId, version, events });
      return own.persistEvents({ room: { roomId }, events: [{ sealed: join, states, entersRoom: true }] });
    });
    assert.deepEqual(statuses, ['accepted']);
    return join;
  }

  /** Has the server take an event whose predecessors it does not have, by the state before it. */
  async takeWithState(event: ValidatedPdu): Promise<void> {
    const state = this.stateBefore(event.eventId);
    const states = new Map(eventIdsOf(event.pdu.prev_events).map((id) => [id, state]));
    const request = { room: { roomId: this.roomId }, events: [{ sealed: event, states }] };
    assert.deepEqual((await this.#asProcess((own) => own.persistEvents(request))).statuses, ['accepted']);
  }

  /** The state before an event of a room that has no forks. */
  stateBefore(eventId: string): string[] {
    const state = new Map<string, string>();
    for (const { eventId: id, pdu } of this.events.values()) {
      if (id === eventId) break;
      if (pdu.state_key !== undefined) state.set(joinedKey(pdu.type, pdu.state_key), id);
    }
    return [...state.values()];
  }

  /** Has the server persist the event, as another of its processes would. */
  async persistHere(event: ValidatedPdu): Promise<readonly string[]> {
    const request = { room: { roomId: this.roomId }, events: [{ sealed: event }] };
    return (await this.#asProcess((own) => own.persistEvents(request))).statuses;
  }

  async #asProcess<Result>(run: (own: RoomParts) => Promise<Result>): Promise<Result> {
    await using database = openDatabase(this.server.database.connection, {
      poolSize: 2,
      logger: createLogger('error'),
    });
    const nids = createNidAllocator(database);
    const secret = await database.transaction((tx) => ensureSecret(tx, 'state_trie_slots', Buffer.alloc(4)));
    const tries = createStateTries({ nids, secret: secret.readInt32BE(0) });
    const serverName = this.server.name;
    const isLocal = (id: string): boolean => id.endsWith(`:${serverName}`);
    await using own = await createRoomParts(this.server.database, { tries, isLocal });
    return await run(own);
  }

  /** Reads all that the server has of the room. */
  async learn(): Promise<void> {
    const client = new Client(this.server.database.connection);
    await client.connect();
    try {
      const { rows } = await client.query<{ event_id: string; json: string }>(
        `select event_id, json from events join event_json using (event_nid) join rooms using (room_nid)
         where room_id = $1 and status = 2 order by room_order`,
        [this.roomId],
      );
      for (const { event_id: eventId, json } of rows) {
        if (!this.events.has(eventId))
          this.events.set(eventId, { eventId, pdu: readStoredPdu(json, this.version), json });
      }
    } finally {
      await client.end();
    }
  }

  /** Builds an event on the newest ones, or where the draft says, without remembering it. */
  build(draft: PeerDraft): ValidatedPdu {
    const { type, sender, stateKey, content = {}, prevIds = this.newest(), extra = {} } = draft;
    const shape = { type, sender, content, ...(stateKey === undefined ? {} : { state_key: stateKey }) };
    const state = this.state();
    const selected = selectAuthTypes(shape, this.version).flatMap(
      ([each, key]) => state.get(joinedKey(each, key)) ?? [],
    );
    const depth = 1 + Math.max(0, ...prevIds.map((id) => this.events.get(id)?.pdu.depth ?? 0));
    const pdu = {
      ...shape,
      room_id: this.roomId,
      origin_server_ts: Date.now(),
      depth,
      prev_events: [...prevIds],
      auth_events: [...(draft.authIds ?? selected)],
      ...extra,
    };
    return this.peer.buildEvent(pdu, this.version.id);
  }

  /** Builds an event; what is built later follows it, and is permitted by it. */
  add(draft: PeerDraft): ValidatedPdu {
    const event = this.build(draft);
    this.events.set(event.eventId, event);
    return event;
  }

  /** A message of a user of the peer's. */
  say(body: string, more: Partial<PeerDraft> = {}): ValidatedPdu {
    const content = { msgtype: 'm.text', body };
    return this.add({ type: 'm.room.message', sender: this.peer.userId('bob'), content, ...more });
  }

  /** The events that nothing follows which the peer knows. */
  newest(): string[] {
    const followed = new Set([...this.events.values()].flatMap(({ pdu }) => eventIdsOf(pdu.prev_events)));
    return [...this.events.keys()].filter((id) => !followed.has(id)).slice(-20);
  }

  /** The newest event that the peer knows under each key. */
  state(): Map<string, string> {
    const state = new Map<string, string>();
    for (const { eventId, pdu } of this.events.values()) {
      if (pdu.state_key !== undefined) state.set(joinedKey(pdu.type, pdu.state_key), eventId);
    }
    return state;
  }

  /** Sends a transaction; events are texts or what was built. */
  async send(
    pdus: readonly (ValidatedPdu | string)[],
    more: { readonly edus?: readonly JsonObject[]; readonly txnId?: string } = {},
  ): Promise<PeerAnswer> {
    const { edus, txnId = `t${++this.#txn}-${this.roomId.slice(1, 9)}` } = more;
    return sendTransaction(this.peer, this.server, { txnId, pdus, ...(edus === undefined ? {} : { edus }) });
  }
}

/** Signs and sends a transaction whose events are put in as the texts that they are. */
export function sendTransaction(
  peer: Peer,
  server: { readonly name: string },
  {
    txnId,
    pdus,
    edus,
  }: {
    readonly txnId: string;
    readonly pdus: readonly (ValidatedPdu | string)[];
    readonly edus?: readonly JsonObject[];
  },
): Promise<PeerAnswer> {
  const texts = pdus.map((pdu) => (typeof pdu === 'string' ? pdu : pdu.json));
  const head = JSON.stringify({
    origin: peer.name,
    origin_server_ts: Date.now(),
    ...(edus === undefined ? {} : { edus }),
  });
  const bodyText = `${head.slice(0, -1)},"pdus":[${texts.join(',')}]}`;
  const target = `/_matrix/federation/v1/send/${encodeURIComponent(txnId)}`;
  const { signer } = peer;
  const asked = { method: 'PUT', target, origin: peer.name, destination: server.name };
  // Parsed with its integers as they are written, whatever their size: so the server reads what is signed.
  const signature = signText(signedRequestText({ ...asked, content: parseJsonExactly(bodyText) }), signer.key);
  const authorization = writeXMatrix({ ...asked, keyId: signer.key.keyId, signature });
  return exchange(server.name, 'PUT', target, bodyText, { authorization });
}

/** Syncs on until an event of the room is told; gives the ids of all that the room's timelines held, and how to go on. */
export async function syncUntil(
  user: MatrixHttp,
  since: string | undefined,
  roomId: string,
  eventId: string,
): Promise<{ readonly eventIds: readonly string[]; readonly nextBatch: string }> {
  const eventIds: string[] = [];
  let next = since;
  for (let count = 0; count < SYNCS_MAX; count++) {
    const answer = await user.sync({ since: next, timeout: 10_000 });
    next = answer.nextBatch;
    eventIds.push(...(answer.join.get(roomId)?.timeline ?? []).map((event) => event.event_id));
    if (eventIds.includes(eventId)) return { eventIds, nextBatch: next };
  }
  throw new Error(`${eventId} was not told in ${SYNCS_MAX} syncs, but ${eventIds.join(', ')}.`);
}
const SYNCS_MAX = 20;
