/** Owns what other servers are told as it happens, and not again: typing, receipts, presence. */
import type { Clock } from '#core/clock.ts';
import type { PassingEdu, PassingEdus } from '#federation/sender/edu-source.ts';
import type { RemoteServers } from '#federation/sender/remote-servers.ts';
import type { ReadTx } from '#storage/database.ts';
import {
  findReceiptsAt,
  findTypingOf,
  type ReceiptOfUser,
  type TypingOfUser,
} from '#storage/federation/find-passing.ts';
import { findPresenceOf, type PresenceOfUser } from '#storage/streams/find-presence.ts';
import type { Change } from '#streams/change.ts';
import type { Streams } from '#streams/streams.ts';

type Parts = {
  readonly database: ReadTx;
  readonly clock: Clock;
  readonly streams: Pick<Streams, 'userData' | 'ephemeral'>;
  readonly isLocal: (id: string) => boolean;
  readonly remoteServers: RemoteServers;
};

/** Who did something so short a while ago is active now. */
const ACTIVE_MS = 300_000;

/** Of rooms in which no other server is, nothing is read. */
export function passingEdus(parts: Parts): PassingEdus[] {
  const { database, clock, streams, isLocal, remoteServers } = parts;
  const { ephemeral, userData } = streams;
  const changesOf = async (
    stream: Streams['ephemeral'],
    after: number,
    kind: Change['kind'],
  ): Promise<readonly Change[]> => {
    const changes = (stream.since(after) ?? []).filter((change) => change.kind === kind);
    await remoteServers.load(changes.flatMap(roomNidsOf));
    const isHeard = await Promise.all(changes.map((change) => serversOf(change).then((names) => names.length > 0)));
    return changes.filter((_, index) => isHeard[index]);
  };
  const serversOf = async (change: Change): Promise<string[]> => {
    const inRooms = await Promise.all(roomNidsOf(change).map((roomNid) => remoteServers.in(roomNid)));
    return [...new Set(inRooms.flat())];
  };
  return [
    {
      horizon: () => ephemeral.horizon,
      async findEdus(after) {
        const typing = await findTypingOf(database, await changesOf(ephemeral, after, 'typing'));
        const told = typing.filter((row) => isLocal(row.user_id));
        return Promise.all(
          told.map(async (row) => ({ ...typingEdu(row), servers: await remoteServers.in(row.room_nid) })),
        );
      },
    },
    {
      horizon: () => userData.horizon,
      async findEdus(after) {
        const changes = await changesOf(userData, after, 'receipts');
        const receipts = await findReceiptsAt(
          database,
          changes.map(({ pos }) => pos),
        );
        const told = receipts.filter((row) => isLocal(row.user_id));
        return Promise.all(
          told.map(async (row) => ({ ...receiptEdu(row), servers: await remoteServers.in(row.room_nid) })),
        );
      },
    },
    {
      horizon: () => ephemeral.horizon,
      async findEdus(after) {
        const changes = await changesOf(ephemeral, after, 'presence');
        const audiences = new Map(changes.map((change) => [change.userNid, change]));
        const present = await findPresenceOf(database, [...audiences.keys()]);
        const told = present.filter((row) => isLocal(row.userId));
        return Promise.all(
          told.map(async (row) => {
            const change = audiences.get(row.userNid);
            return { ...presenceEdu(row, clock.now()), servers: change === undefined ? [] : await serversOf(change) };
          }),
        );
      },
    },
  ];
}

const roomNidsOf = ({ kind, roomNid, audience }: Change): readonly number[] =>
  kind === 'presence' ? audience : [roomNid];

type Told = Omit<PassingEdu, 'servers'>;

/** Specification: Server-Server API, "Typing Notifications". */
function typingEdu({ room_id: roomId, user_id: userId, is_typing: typing }: TypingOfUser): Told {
  const content = { room_id: roomId, user_id: userId, typing };
  return { key: `typing ${roomId} ${userId}`, edu: JSON.stringify({ edu_type: 'm.typing', content }) };
}

/** Specification: Server-Server API, "Receipts". */
function receiptEdu({
  room_id: roomId,
  user_id: userId,
  thread_id: threadId,
  event_id: eventId,
  ts,
}: ReceiptOfUser): Told {
  const data = { ts, ...(threadId !== '' && { thread_id: threadId }) };
  const content = { [roomId]: { 'm.read': { [userId]: { data, event_ids: [eventId] } } } };
  return { key: `receipt ${roomId} ${userId} ${threadId}`, edu: JSON.stringify({ edu_type: 'm.receipt', content }) };
}

/** Specification: Server-Server API, "Presence". */
function presenceEdu({ userId, presence, statusMsg, lastActiveAt }: PresenceOfUser, now: number): Told {
  const lastActiveAgo = Math.max(0, now - lastActiveAt);
  const update = {
    user_id: userId,
    presence,
    last_active_ago: lastActiveAgo,
    currently_active: presence === 'online' && lastActiveAgo < ACTIVE_MS,
    ...(statusMsg !== null && { status_msg: statusMsg }),
  };
  return { key: `presence ${userId}`, edu: JSON.stringify({ edu_type: 'm.presence', content: { push: [update] } }) };
}
