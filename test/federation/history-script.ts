/** Owns a peer's answers about the history of its room: what a server that wants to know of it asks. */
import { eventIdsOf, type JsonObject } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { PeerRoom } from '#test/federation/peer-room.ts';
import { PeerReply } from '#test/support/peer.ts';

const prefix = '/_matrix/federation/v1';

/** How the answers are bent; undefined leaves them as they are. */
export type Bent = { readonly backfill?: (pdus: JsonObject[], from: readonly string[]) => JsonObject[] };

/** Answers for the room honestly, but for what is bent; history is told once it may be. */
export function tellHistory(room: PeerRoom, bent: Bent = {}, mayTell: Promise<void> = Promise.resolve()): void {
  const { peer, roomId } = room;
  const inPath = encodeURIComponent(roomId);
  const pdusOf = (ids: readonly string[]): JsonObject[] =>
    ids.flatMap((id) => {
      const json = room.events.get(id)?.json;
      return json === undefined ? [] : [JSON.parse(json)];
    });
  const queryOf = (target: string): URLSearchParams => new URL(target, 'https://x').searchParams;
  const unknown = new PeerReply(404, { errcode: 'M_NOT_FOUND', error: 'There is no such event.' });
  peer.answer('GET', `${prefix}/backfill/${inPath}`, async ({ target }) => {
    await mayTell;
    const query = queryOf(target);
    const from = query.getAll('v');
    const pdus = pdusOf(before(room, from, Number(query.get('limit'))));
    return { origin: peer.name, origin_server_ts: 1, pdus: bent.backfill?.(pdus, from) ?? pdus };
  });
  peer.answer('GET', `${prefix}/state_ids/${inPath}`, ({ target }) => {
    const eventId = queryOf(target).get('event_id') ?? '';
    if (!room.events.has(eventId)) return unknown;
    const state = room.stateBefore(eventId);
    return { pdu_ids: state, auth_chain_ids: chainOf(room, state) };
  });
  peer.answer('GET', new RegExp(`^${prefix}/event/`), ({ target }) => {
    const pdus = pdusOf([decodeURIComponent(target.slice(`${prefix}/event/`.length))]);
    return pdus.length === 0 ? unknown : { origin: peer.name, origin_server_ts: 1, pdus };
  });
  peer.answer('GET', new RegExp(`^${prefix}/event_auth/${inPath}/`), ({ target }) => {
    const eventId = decodeURIComponent(target.slice(target.lastIndexOf('/') + 1));
    return { auth_chain: pdusOf(chainOf(room, [eventId])) };
  });
}

export function missingPath({ roomId }: PeerRoom): string {
  return `${prefix}/get_missing_events/${encodeURIComponent(roomId)}`;
}

/** Answers with these events whenever it is asked for what is missing between. */
export function tellMissing(room: PeerRoom, told: readonly ValidatedPdu[]): void {
  room.peer.answer('POST', missingPath(room), () => ({
    events: told.map(({ json }): JsonObject => JSON.parse(json)),
  }));
}

/** These events and those before them, the newest first. */
function before(room: PeerRoom, from: readonly string[], limit: number): string[] {
  const found = new Set(from.filter((id) => room.events.has(id)));
  for (const id of found) {
    if (found.size >= limit) break;
    for (const prev of eventIdsOf(room.events.get(id)?.pdu.prev_events ?? [])) found.add(prev);
  }
  return [...found].slice(0, limit);
}

function chainOf(room: PeerRoom, ids: readonly string[]): string[] {
  const chain = new Set<string>();
  const open = [...ids];
  for (const id of open) {
    for (const cited of eventIdsOf(room.events.get(id)?.pdu.auth_events ?? [])) {
      if (chain.has(cited)) continue;
      chain.add(cited);
      open.push(cited);
    }
  }
  return [...chain];
}
