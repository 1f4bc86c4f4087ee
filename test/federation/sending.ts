/** Owns a process that writes events and sends them to other servers, with nothing else around it. */
import assert from 'node:assert/strict';
import type { FederationClient } from '#federation/federation-client.ts';
import { FederationSender, type SenderParts } from '#federation/sender/sender.ts';
import { buildEvent } from '#matrix/build-event.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { PersistResult } from '#rooms/persist-request.ts';
import { completeView, entryOf, loadRoomView } from '#rooms/persist/room-view.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { stateKeysFor } from '#rooms/persist/judge-sealed.ts';
import { statement, type Database } from '#storage/database.ts';
import { openStreams, type Streams } from '#streams/streams.ts';
import type { FederationNode } from '#test/federation/federation-node.ts';
import type { Peer } from '#test/support/peer.ts';
import { createRoomParts } from '#test/support/room-parts.ts';
import type { TestDatabase } from '#test/support/test-database.ts';

const insertName = statement<unknown>(
  'test_insert_local_server',
  'insert into local_servers (server_name, created_at) values ($1, 0) on conflict do nothing',
);

export const limits: SenderParts['limits'] = {
  sendTimeoutMs: 5_000,
  transactionBytesMax: 2 * 1024 * 1024,
  catchUpEventsMax: 1_000,
  retryMsMax: 50,
  sendsMax: 50,
};

export type Sending = Awaited<ReturnType<typeof startSending>>;

/** One process over a database; several are several processes of one server. */
export async function startSending(
  on: TestDatabase,
  node: FederationNode,
  overrides: Partial<Pick<SenderParts, 'limits' | 'durableEdus' | 'client'>> = {},
) {
  const resources = new AsyncDisposableStack();
  const isLocal = (id: string): boolean => id === node.name || id.endsWith(`:${node.name}`);
  let streams: Streams | undefined;
  const parts = resources.use(
    await createRoomParts(on, {
      isLocal,
      signer: node.ownKeys.signer,
      committed: (facts) => streams?.committed(facts),
    }),
  );
  const { database, tries, clock, logger } = parts;
  await database.query(insertName, [node.name]);
  const opened = resources.use(await openStreams({ database, tries, clock, logger }));
  streams = opened;
  const client: FederationClient = node.federation.client;
  let asked: string[] | undefined;
  const watched: Database = {
    ...database,
    query: (query, values) => {
      asked?.push(query.name);
      return database.query(query, values);
    },
    transaction: (run) => {
      asked?.push('transaction');
      return database.transaction(run);
    },
  };
  const sending = { ...parts, database: watched, streams: opened, client, origin: node.name, limits, durableEdus: [] };
  const sender = resources.use(new FederationSender({ ...sending, ...overrides }));
  const alice = `@alice:${node.name}`;
  return {
    ...parts,
    streams: opened,
    sender,
    alice,
    /** Notes what the sender asks the database from now on. */
    watchQueries: (names: string[] | undefined) => void (asked = names),
    createRoom: () => createRoom(parts, alice),
    say: async (roomId: string, body: string): Promise<string> => {
      const events = [{ sender: alice, type: 'm.room.message', content: { msgtype: 'm.text', body } }];
      const [eventId = ''] = (await parts.persistEvents({ room: { roomId }, events })).eventIds;
      return eventId;
    },
    change: (roomId: string, user: string, membership: string): Promise<PersistResult> =>
      parts.persistEvents({
        room: { roomId },
        events: [{ sender: alice, type: 'm.room.member', state_key: user, content: { membership } }],
      }),
    enter: (roomId: string, peer: Pick<Peer, 'signer'>, user: string, relay?: true) =>
      become(parts, roomId, { peer, user, membership: 'join', relay }),
    leave: (roomId: string, peer: Pick<Peer, 'signer'>, user: string) =>
      become(parts, roomId, { peer, user, membership: 'leave', relay: undefined }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

type RoomParts = Awaited<ReturnType<typeof createRoomParts>>;

/** A public room. */
async function createRoom(parts: RoomParts, creator: string): Promise<string> {
  const version = findRoomVersion('11');
  assert.ok(version);
  const state = (type: string, stateKey: string, content: JsonObject) => ({
    sender: creator,
    type,
    state_key: stateKey,
    content,
  });
  const created = await parts.persistEvents({
    room: { create: version },
    events: [
      state('m.room.create', '', { room_version: '11' }),
      state('m.room.member', creator, { membership: 'join' }),
      state('m.room.join_rules', '', { join_rule: 'public' }),
    ],
  });
  return created.roomId;
}

type Becoming = {
  readonly peer: Pick<Peer, 'signer'>;
  readonly user: string;
  readonly membership: 'join' | 'leave';
  readonly relay: true | undefined;
};

/** A user of the peer's joins or leaves, by an event that the peer has signed. */
async function become(parts: RoomParts, roomId: string, becoming: Becoming): Promise<string> {
  const { peer, user, membership, relay } = becoming;
  const view = await loadRoomView(parts.database, roomId);
  assert.ok(view);
  const draft = { type: 'm.room.member', sender: user, state_key: user, content: { membership } };
  await completeView(parts, view, stateKeysFor(draft, view.version));
  const cited = selectAuthTypes(draft, view.version).flatMap(([type, key]) => entryOf(view, type, key) ?? []);
  const verdict = buildEvent(
    { ...draft, room_id: roomId },
    {
      version: view.version,
      prevEvents: view.head.extremities.map(({ reference }) => reference),
      authEvents: cited.map(({ reference }) => reference),
      depth: view.head.depth + 1,
      originServerTs: Date.now(),
      signer: peer.signer,
    },
  );
  assert.ok(verdict.ok);
  const events = [{ sealed: verdict.event, ...(relay && { relay }) }];
  const { statuses } = await parts.persistEvents({ room: { roomId }, events });
  assert.deepEqual(statuses, ['accepted']);
  return verdict.event.eventId;
}

export const sendPath = /^\/_matrix\/federation\/v1\/send\//;

export type ReceivedTransaction = {
  readonly txnId: string;
  readonly bodyText: string;
  readonly pdus: readonly JsonObject[];
  readonly edus: readonly JsonObject[];
};

/** What a peer has been sent, whether it has acknowledged it or not. */
export function transactionsOf(peer: Peer): ReceivedTransaction[] {
  return peer.requests
    .filter(({ method, target }) => method === 'PUT' && sendPath.test(target))
    .map(({ target, bodyText, body }) => {
      assert.ok(isJsonObject(body));
      const list = (key: string): JsonObject[] => {
        const value = body[key];
        return Array.isArray(value) ? value.filter(isJsonObject) : [];
      };
      return {
        txnId: decodeURIComponent(target.replace(sendPath, '')),
        bodyText,
        pdus: list('pdus'),
        edus: list('edus'),
      };
    });
}

/** The texts of messages that a peer was sent, once for each transaction id, in order. */
export function messagesOf(peer: Peer): string[] {
  const distinct = new Map(transactionsOf(peer).map((own) => [own.txnId, own]));
  return [...distinct.values()].flatMap(({ pdus }) =>
    pdus.flatMap(({ type, content }) =>
      type === 'm.room.message' && isJsonObject(content) && typeof content['body'] === 'string'
        ? [content['body']]
        : [],
    ),
  );
}

/** Lets a peer acknowledge whatever it is sent. */
export function acknowledge(peer: Peer): void {
  peer.answer('PUT', sendPath, () => ({ pdus: {} }));
}

/** Waits until the condition holds: a server that was not reached is tried again twice a second at most. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'The condition did not come true in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
