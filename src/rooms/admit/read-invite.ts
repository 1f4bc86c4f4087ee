/** Owns reading the two forms in which other servers send invitations. */
import { MatrixError } from '#matrix/error.ts';
import { sliceMembers } from '#matrix/json-slices.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonValue } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import type { ReceivedInvite } from '#rooms/admit/receive-invite.ts';

type Read = Pick<ReceivedInvite, 'version' | 'eventText' | 'told'>;

/**
 * The body of `PUT /v2/invite`, a JSON object whose keys have been checked. Throws M_INCOMPATIBLE_ROOM_VERSION for a version
 * that this server does not know.
 */
export function readSecondInvite(bodyText: string): Read {
  const members = sliceMembers(bodyText);
  const given = parse(members.get('room_version'));
  const versionId = typeof given === 'string' ? given : '';
  const version = findRoomVersion(versionId);
  if (version === undefined) {
    throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', `This server does not know the room version ${versionId}.`, {
      fields: { room_version: versionId },
    });
  }
  return { version, eventText: members.get('event') ?? '', told: toldOf(members.get('invite_room_state')) };
}

/**
 * The body of `PUT /v1/invite`, the event itself, of which nobody says whether its room has version 1 or 2: if the create event
 * does not tell either, it is taken for the first.
 */
export function readFirstInvite(bodyText: string): Read {
  const unsigned = sliceMembers(bodyText).get('unsigned');
  const told = toldOf(
    isJsonObject(parse(unsigned)) ? sliceMembers(unsigned ?? '{}').get('invite_room_state') : undefined,
  );
  return { version: versionIn(told.value), eventText: bodyText, told };
}

function versionIn(told: JsonValue | undefined): RoomVersion {
  const create = (Array.isArray(told) ? told : []).find(
    (event) => isJsonObject(event) && event['type'] === 'm.room.create',
  );
  const content = isJsonObject(create) ? create['content'] : undefined;
  const version = findRoomVersion(isJsonObject(content) && content['room_version'] === '2' ? '2' : '1');
  if (version === undefined) throw new Error('Room version 1 is not known.');
  return version;
}

function toldOf(text: string | undefined): ReceivedInvite['told'] {
  return { text, value: parse(text) };
}

function parse(text: string | undefined): JsonValue | undefined {
  const value: JsonValue | undefined = text === undefined ? undefined : JSON.parse(text);
  return value;
}
