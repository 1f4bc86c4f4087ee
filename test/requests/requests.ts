/** Owns a plausible request for every endpoint: path, query and body that would be right for whoever may call. */
import type { Endpoint } from '#http/endpoint.ts';
import { fillPath, type PathValues } from '#test/requests/fill-path.ts';
import { smallestOf } from '#test/requests/sample.ts';

export type PlausibleRequest = {
  readonly path: string;
  readonly query: Record<string, string>;
  readonly body: unknown;
};

/** What a request is about. */
export type Subject = {
  readonly userId: string;
  readonly otherUserId: string;
  readonly roomId: string;
  readonly eventId: string;
  /** New for every request. */
  readonly unique: string;
};

/** Values of path parameters by name; those whose meaning differs between endpoints are in `special`. */
function pathValues(subject: Subject): PathValues {
  const { userId, roomId, eventId, unique } = subject;
  return {
    userId,
    roomId,
    roomIdOrAlias: roomId,
    eventId,
    txnId: unique,
    roomAlias: `#${unique}:hs1.test`,
    eventType: 'org.example.any',
    stateKey: unique,
    type: 'org.example.any',
    receiptType: 'm.read',
    relType: 'm.reference',
    keyName: 'org.example.field',
    tag: 'u.any',
    deviceId: 'NOSUCHDEVICE',
    filterId: '1',
    sessionId: 'session',
    version: '1',
    scope: 'global',
    kind: 'override',
    ruleId: 'org.example.rule',
    serverName: 'hs1.test',
    mediaId: unique,
    protocol: 'irc',
    authType: 'm.login.dummy',
    keyId: 'ed25519:1',
    idpId: 'idp',
    fileName: 'name.txt',
  };
}

/** Bodies and queries that the schema alone cannot tell. */
function special(operation: string, { otherUserId, roomId, eventId }: Subject): Partial<PlausibleRequest> {
  const user = { user_id: otherUserId };
  switch (operation) {
    case 'client.inviteUser':
    case 'client.kick':
    case 'client.ban':
    case 'client.unban':
      return { body: user };
    case 'client.sendMessage':
      return { body: { body: 'a plausible message' } };
    case 'client.getRoomEvents':
      return { query: { dir: 'b' } };
    case 'client.getEventByTimestamp':
      return { query: { ts: '1', dir: 'f' } };
    case 'client.getRelatingEvents':
      return { query: {} };
    case 'client.setReadMarker':
      return { body: { 'm.fully_read': eventId } };
    case 'client.setRoomAlias':
      return { body: { room_id: roomId } };
    case 'client.upgradeRoom':
      return { body: { new_version: '11' } };
    case 'client.search':
      return { body: { search_categories: { room_events: { search_term: 'otter', filter: { rooms: [roomId] } } } } };
    case 'client.setTyping':
      return { body: { typing: true, timeout: 1_000 } };
    case 'client.getMutualRooms':
      return { query: { user_id: otherUserId } };
    default:
      return {};
  }
}

export function plausibleRequest(
  row: Pick<Endpoint<never>, 'operation' | 'path' | 'query' | 'body'>,
  subject: Subject,
): PlausibleRequest {
  const { query, body } = special(row.operation, subject);
  const smallestQuery = Object.entries(Object(smallestOf(row.query ?? {}))).map(([key, value]) => [key, String(value)]);
  return {
    path: fillPath(row.path, pathValues(subject)),
    query: query ?? Object.fromEntries(smallestQuery),
    body: body ?? (row.body === undefined ? undefined : smallestOf(row.body)),
  };
}
