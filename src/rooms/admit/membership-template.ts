/** Owns the templates by which users of other servers join, leave and knock: their servers fill in and sign them. */
import { MatrixError } from '#matrix/error.ts';
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import { eventIdsOf, type AuthEvent, type EventReference, type JsonObject } from '#matrix/pdu.ts';
import { requireResidentRoom, type AdmitParts } from '#rooms/admit/admit-parts.ts';
import { checkOnHead, loadViewFor, requirePermitted } from '#rooms/admit/check-on-head.ts';
import { checkRestrictedJoin } from '#rooms/find-authorising-user.ts';
import { entryOf, type RoomView } from '#rooms/persist/room-view.ts';
import { placeOnHead } from '#rooms/persist/place-on-head.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';

type Asked = { readonly roomId: string; readonly userId: string };

/** What the user's server is told. Its fields are those of the wire. */
export type MembershipTemplate = {
  readonly room_version: string;
  readonly event: {
    readonly type: 'm.room.member';
    readonly room_id: string;
    readonly sender: string;
    readonly state_key: string;
    readonly content: JsonObject;
    readonly depth: number;
    readonly prev_events: readonly EventReference[];
    readonly auth_events: readonly EventReference[];
    readonly origin: string;
    readonly origin_server_ts: number;
  };
};

/**
 * The template of a join. In a restricted room that the user may enter by being in another one it names who lets them in.
 * Throws as `templateFor` does; M_INCOMPATIBLE_ROOM_VERSION unless the room's version is among `versions`; and
 * M_UNABLE_TO_AUTHORISE_JOIN or M_UNABLE_TO_GRANT_JOIN where another server may know better.
 * Specification: Server-Server API, `GET /make_join/{roomId}/{userId}`.
 */
export async function makeJoin(
  parts: AdmitParts,
  origin: string,
  asked: Asked & { readonly versions: readonly string[] },
): Promise<MembershipTemplate> {
  const { room } = await requireRoomFor(parts, origin, asked);
  requireVersionAmong(room, asked.versions);
  return templateFor(parts, room, asked.userId, await joinContentFor(parts, room, asked.userId));
}

/** Throws as `templateFor` does. Specification: Server-Server API, `GET /make_leave/{roomId}/{userId}`. */
export async function makeLeave(parts: AdmitParts, origin: string, asked: Asked): Promise<MembershipTemplate> {
  const { room } = await requireRoomFor(parts, origin, asked);
  return templateFor(parts, room, asked.userId, { membership: 'leave' });
}

/**
 * Throws as `templateFor` does, and M_INCOMPATIBLE_ROOM_VERSION. Specification: Server-Server API,
 * `GET /make_knock/{roomId}/{userId}`.
 */
export async function makeKnock(
  parts: AdmitParts,
  origin: string,
  asked: Asked & { readonly versions: readonly string[] },
): Promise<MembershipTemplate> {
  const { room } = await requireRoomFor(parts, origin, asked);
  requireVersionAmong(room, asked.versions);
  return templateFor(parts, room, asked.userId, { membership: 'knock' });
}

/** A server speaks for its own users. */
async function requireRoomFor(
  parts: AdmitParts,
  origin: string,
  { roomId, userId }: Asked,
): Promise<{ readonly room: KnownRoom }> {
  if (!isUserId(userId) || serverNameOf(userId) !== origin) {
    throw new MatrixError('M_FORBIDDEN', 'A server asks for its own users alone.');
  }
  return requireResidentRoom(parts, roomId, origin);
}

/** Specification: room versions, "Compatible and incompatible"; `room_version` is the field of the error. */
function requireVersionAmong({ version }: KnownRoom, versions: readonly string[]): void {
  if (versions.includes(version.id)) return;
  throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', `The room has the version ${version.id}.`, {
    fields: { room_version: version.id },
  });
}

/** Throws M_FORBIDDEN with the rule's sentence where the room's rules forbid it now. */
async function templateFor(
  parts: AdmitParts,
  room: KnownRoom,
  userId: string,
  content: JsonObject,
): Promise<MembershipTemplate> {
  const draft = draftOf(userId, content);
  const view = await loadViewFor(parts, room.roomId, draft);
  const event = eventOn(parts, view, draft);
  requirePermitted(view, event);
  const { prevEvents, authEvents, depth } = placeOnHead(view, draft);
  return {
    room_version: view.version.id,
    event: {
      ...draft,
      room_id: view.roomId,
      depth,
      prev_events: prevEvents,
      auth_events: authEvents,
      origin: parts.ownKeys.signer.serverName,
      origin_server_ts: event.origin_server_ts,
    },
  };
}

/** The content with which the user may join now. An invitation opens a restricted room too, and is tried first. */
async function joinContentFor(parts: AdmitParts, room: KnownRoom, userId: string): Promise<JsonObject> {
  const content = { membership: 'join' };
  const draft = draftOf(userId, content);
  const view = await loadViewFor(parts, room.roomId, draft);
  const verdict = checkOnHead(view, eventOn(parts, view, draft));
  if (verdict.allowed) return content;
  const isBanned = entryOf(view, 'm.room.member', userId)?.event.content['membership'] === 'ban';
  const restricted = isBanned ? undefined : await checkRestrictedJoin(parts, { userId }, room);
  if (restricted === undefined || restricted.kind === 'not-restricted') {
    throw new MatrixError('M_FORBIDDEN', verdict.reason);
  }
  if (restricted.kind === 'refused') throw new MatrixError(restricted.errcode, restricted.reason);
  return { ...content, join_authorised_via_users_server: restricted.userId };
}

type MemberDraft = ReturnType<typeof draftOf>;

function draftOf(userId: string, content: JsonObject) {
  return { type: 'm.room.member', sender: userId, state_key: userId, content } as const;
}

function eventOn({ clock }: AdmitParts, view: RoomView, draft: MemberDraft): AuthEvent {
  const { prevEvents, authEvents, depth } = placeOnHead(view, draft);
  return {
    ...draft,
    eventId: '',
    room_id: view.roomId,
    prev_events: eventIdsOf(prevEvents),
    auth_events: eventIdsOf(authEvents),
    depth,
    origin_server_ts: clock.now(),
  };
}
