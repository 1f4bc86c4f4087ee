/** Owns judging the template of a membership event that another server offers to be signed by us. */
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { EventReference, JsonValue } from '#matrix/pdu.ts';
import { roomVersions, type RoomVersion } from '#matrix/room-versions.ts';

export type MembershipWanted = {
  readonly roomId: string;
  readonly userId: string;
  readonly membership: 'join' | 'knock' | 'leave';
};

/** Where the other server puts the event in the room's graph. Nothing else of a template goes into what we sign. */
export type MembershipTemplate = {
  readonly version: RoomVersion;
  readonly prevEvents: readonly EventReference[];
  readonly authEvents: readonly EventReference[];
  readonly depth: number;
  /** Whose server has to vouch for a join to a restricted room. */
  readonly authorisedVia: string | undefined;
};

export type TemplateVerdict =
  | { readonly ok: true; readonly template: MembershipTemplate }
  /** `roomVersion`: the answer is right, but of a version that this server does not know. */
  | { readonly ok: false; readonly message: string; readonly roomVersion?: string };

const PREV_EVENTS_MAX = 20;
const AUTH_EVENTS_MAX = 10;

/**
 * Judges what `make_join`, `make_knock` or `make_leave` answered. `known` is the version of a room that is here.
 * Specification: Server-Server API, "Joining Rooms", "Knocking upon a room", "Leaving Rooms (Rejecting Invites)".
 */
export function checkTemplate(
  answer: JsonValue,
  wanted: MembershipWanted,
  known: RoomVersion | undefined,
): TemplateVerdict {
  if (!isJsonObject(answer)) return fault('no object');
  const { room_version: versionId = '1', event } = answer;
  if (typeof versionId !== 'string') return fault('a room_version that is no text');
  const version = roomVersions.get(versionId);
  if (version === undefined) {
    const message = `The room has the version ${versionId.slice(0, 50)}, which this server does not know.`;
    return { ok: false, message, roomVersion: versionId.slice(0, 50) };
  }
  if (known !== undefined && known !== version) return fault('another room version than the room has');
  if (!isJsonObject(event) || !isJsonObject(event['content'])) return fault('no event');
  const { content } = event;
  if (event['type'] !== 'm.room.member') return fault('an event of another type');
  if (event['room_id'] !== wanted.roomId) return fault('an event of another room');
  if (event['sender'] !== wanted.userId || event['state_key'] !== wanted.userId) return fault("another user's event");
  if (content['membership'] !== wanted.membership) return fault('another membership');
  const { depth, prev_events: prevEvents, auth_events: authEvents } = event;
  if (typeof depth !== 'number' || !Number.isSafeInteger(depth) || depth < 0) return fault('a wrong depth');
  if (!isReferences(prevEvents, PREV_EVENTS_MAX, version)) return fault('wrong prev_events');
  if (prevEvents.length === 0) return fault('no prev_events');
  if (!isReferences(authEvents, AUTH_EVENTS_MAX, version)) return fault('wrong auth_events');
  const via = content['join_authorised_via_users_server'];
  const authorisedVia =
    version.restrictedJoins && wanted.membership === 'join' && typeof via === 'string' ? via : undefined;
  return { ok: true, template: { version, prevEvents, authEvents, depth, authorisedVia } };
}

function fault(what: string): TemplateVerdict {
  return { ok: false, message: `It answered with ${what}.` };
}

function isReferences(value: JsonValue | undefined, max: number, version: RoomVersion): value is EventReference[] {
  if (!Array.isArray(value) || value.length > max) return false;
  return value.every((reference) => {
    if (version.eventId !== 'in-pdu') return typeof reference === 'string';
    const [id, hashes] = Array.isArray(reference) ? reference : [];
    return typeof id === 'string' && isJsonObject(hashes) && typeof hashes['sha256'] === 'string';
  });
}
