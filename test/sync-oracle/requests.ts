/** Owns what each operation of a history is on the wire. */
import type { Operation } from '#test/sync-oracle/operations.ts';

export type WireRequest = {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below /_matrix/client/v3. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
};

/** What a run knows: rooms and events by the numbers that operations have for them. A room that was refused is undefined. */
export type Sent = {
  readonly users: readonly string[];
  readonly rooms: ({ readonly roomId: string; readonly events: string[] } | undefined)[];
  readonly nextTxnId: () => string;
};

/** What a user asks for in one request. */
export type Plain = Exclude<Operation, { kind: 'sync' | 'level' | 'farRoom' | 'fork' }>;
type Of<Kind extends Plain['kind']> = Extract<Plain, { kind: Kind }>;

const encode = encodeURIComponent;
const text = (body: string): Readonly<Record<string, unknown>> => ({ msgtype: 'm.text', body });

/** The request, or undefined where the room or the event does not exist. */
export function requestOf(sent: Sent, operation: Plain): WireRequest | undefined {
  if (operation.kind === 'createRoom') return createRoom(sent, operation);
  const me = encode(sent.users[operation.by] ?? '');
  if (operation.kind === 'displayName') {
    return { method: 'PUT', path: `/profile/${me}/displayname`, body: { displayname: operation.name } };
  }
  if (operation.kind === 'accountData') {
    return { method: 'PUT', path: `/user/${me}/account_data/${operation.name}`, body: { value: operation.value } };
  }
  if (operation.kind === 'ignore') {
    const ignored = Object.fromEntries(operation.users.map((user) => [sent.users[user] ?? '', {}]));
    const path = `/user/${me}/account_data/m.ignored_user_list`;
    return { method: 'PUT', path, body: { ignored_users: ignored } };
  }
  const room = sent.rooms[operation.room];
  if (room === undefined) return undefined;
  const inRoom = `/rooms/${encode(room.roomId)}`;
  if ('event' in operation) {
    const eventId = room.events[Math.floor(operation.event * (room.events.length - 1))];
    return eventId === undefined ? undefined : withEvent(sent, operation, inRoom, eventId);
  }
  switch (operation.kind) {
    case 'send':
      return sendRequest(sent, inRoom, 'm.room.message', text(operation.text));
    case 'mention': {
      const user = sent.users[operation.user] ?? '';
      return sendRequest(sent, inRoom, 'm.room.message', { ...text('Look'), 'm.mentions': { user_ids: [user] } });
    }
    case 'state':
      return {
        method: 'PUT',
        path: `${inRoom}/state/${operation.type}/${encode(operation.stateKey)}`,
        body: operation.content,
      };
    case 'invite':
    case 'kick':
    case 'ban':
    case 'unban':
      return { method: 'POST', path: `${inRoom}/${operation.kind}`, body: { user_id: sent.users[operation.user] } };
    case 'join':
    case 'leave':
    case 'forget':
      return { method: 'POST', path: `${inRoom}/${operation.kind}`, body: {} };
    case 'knock':
      return { method: 'POST', path: `/knock/${encode(room.roomId)}`, body: {} };
    case 'upgrade':
      return { method: 'POST', path: `${inRoom}/upgrade`, body: { new_version: '11' } };
    case 'typing':
      return { method: 'PUT', path: `${inRoom}/typing/${me}`, body: { typing: operation.isTyping, timeout: 30_000 } };
    case 'roomAccountData':
    case 'tag':
    case 'untag':
      break;
  }
  return ownThings(operation, `/user/${me}${inRoom}`);
}

function createRoom(sent: Sent, operation: Of<'createRoom'>): WireRequest {
  const invite = operation.invites.map((user) => sent.users[user]);
  const version = operation.version === null ? {} : { room_version: operation.version };
  return { method: 'POST', path: '/createRoom', body: { preset: operation.preset, invite, ...version } };
}

function sendRequest(sent: Sent, inRoom: string, type: string, body: Readonly<Record<string, unknown>>): WireRequest {
  return { method: 'PUT', path: `${inRoom}/send/${type}/${sent.nextTxnId()}`, body };
}

type WithEvent = Extract<Plain, { readonly event: number }>;

function withEvent(sent: Sent, operation: WithEvent, inRoom: string, eventId: string): WireRequest {
  const message = (content: Readonly<Record<string, unknown>>): WireRequest =>
    sendRequest(sent, inRoom, 'm.room.message', content);
  const { kind } = operation;
  if (kind === 'redact') {
    return { method: 'PUT', path: `${inRoom}/redact/${encode(eventId)}/${sent.nextTxnId()}`, body: {} };
  }
  if (kind === 'readMarkers') {
    return { method: 'POST', path: `${inRoom}/read_markers`, body: { 'm.fully_read': eventId, 'm.read': eventId } };
  }
  if (kind === 'receipt') {
    const body = operation.thread === 'main' ? { thread_id: 'main' } : {};
    return { method: 'POST', path: `${inRoom}/receipt/${operation.type}/${encode(eventId)}`, body };
  }
  if (kind === 'react') {
    const relation = { rel_type: 'm.annotation', event_id: eventId, key: operation.text };
    return sendRequest(sent, inRoom, 'm.reaction', { 'm.relates_to': relation });
  }
  if (kind === 'edit') {
    const relation = { rel_type: 'm.replace', event_id: eventId };
    return message({ ...text(`* ${operation.text}`), 'm.new_content': text(operation.text), 'm.relates_to': relation });
  }
  const replied = { 'm.in_reply_to': { event_id: eventId } };
  const relation = kind === 'reply' ? replied : { rel_type: 'm.thread', event_id: eventId };
  return message({ ...text(operation.text), 'm.relates_to': relation });
}

function ownThings(operation: Of<'roomAccountData' | 'tag' | 'untag'>, path: string): WireRequest {
  if (operation.kind === 'roomAccountData') {
    return { method: 'PUT', path: `${path}/account_data/${operation.name}`, body: { value: operation.value } };
  }
  if (operation.kind === 'untag') return { method: 'DELETE', path: `${path}/tags/${operation.name}` };
  return { method: 'PUT', path: `${path}/tags/${operation.name}`, body: { order: operation.value / 100 } };
}
