/** Owns the decision which events go to which other servers. */
import type { RemoteServers } from '#federation/sender/remote-servers.ts';
import type { RoomPlace } from '#federation/sender/servers-at.ts';
import { serverNameOf } from '#matrix/ids.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventTexts, type EventText, type StreamedEvent } from '#storage/rooms/find-outgoing-events.ts';
import type { EventFact } from '#streams/event-fact.ts';

export type RoutableEvent = StreamedEvent & Pick<EventFact, 'fork'>;

/** An event with the servers that are to have it. */
export type RoutedEvent = Pick<StreamedEvent, 'pos' | 'roomNid' | 'roomOrder'> & {
  readonly json: string;
  readonly servers: readonly string[];
};

type Parts = {
  readonly database: ReadTx;
  readonly isLocal: (id: string) => boolean;
  readonly remoteServers: RemoteServers;
};

/**
 * Of consecutive events of the stream those that go to other servers, in order. A room without other servers is read once,
 * and costs nothing from then on.
 */
export async function routeEvents(parts: Parts, events: readonly RoutableEvent[]): Promise<RoutedEvent[]> {
  const { database, isLocal, remoteServers } = parts;
  const isOwn = ({ sender }: RoutableEvent): boolean => isLocal(sender);
  // What is handed to this server to be sent on, and what names servers itself, are memberships.
  const concernsOthers = ({ type, sender, stateKey }: RoutableEvent): boolean =>
    type === 'm.room.member' && stateKey !== undefined && !(isLocal(sender) && isLocal(stateKey));
  const leaving: { readonly event: RoutableEvent; readonly inRoom: readonly string[] }[] = [];
  await remoteServers.loadAt(events.filter((event) => isOwn(event) || concernsOthers(event)).map(placeOf));
  for (const event of events) {
    const changesServers = concernsOthers(event) || event.fork !== undefined;
    if (isOwn(event) || concernsOthers(event)) {
      const inRoom = await remoteServers.at(placeOf(event));
      if (inRoom.length > 0 || concernsOthers(event)) leaving.push({ event, inRoom });
    }
    if (changesServers) remoteServers.forget(event.roomNid);
  }
  if (leaving.length === 0) return [];
  const texts = await findEventTexts(
    database,
    leaving.map(({ event }) => event.eventNid),
  );
  return leaving.flatMap(({ event, inRoom }) => {
    const text = texts.get(event.eventNid);
    if (text === undefined || !isOurs(text, isOwn(event))) return [];
    const home = serverNameOf(event.sender);
    const named = (text.server_names ?? []).filter((name) => !inRoom.includes(name));
    const servers = [...inRoom, ...named].filter((name) => name !== home && !isLocal(name));
    const { pos, roomNid, roomOrder } = event;
    return servers.length === 0 ? [] : [{ pos, roomNid, roomOrder, json: text.json, servers }];
  });
}

/** Where the event stands. Who is joined by it is in the room after it. */
function placeOf({ roomNid, type, stateBefore, fork }: RoutableEvent): RoomPlace {
  const isKnown = stateBefore !== 0 || type === 'm.room.create';
  return { roomNid, root: fork?.rootBefore ?? (isKnown ? stateBefore : undefined) };
}

/** What nothing is told of is ours to send if its sender is ours. */
function isOurs(text: EventText, isOwn: boolean): boolean {
  return text.is_told ? text.server_names !== null : isOwn;
}
