/** Owns a room that a scripted peer has, as far as somebody who is invited to it sees it. */
import assert from 'node:assert/strict';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { EventReference, JsonObject, JsonValue } from '#matrix/pdu.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { uniqueName } from '#test/support/matrix-http.ts';
import type { Peer } from '#test/support/peer.ts';

export type InvitingRoom = {
  readonly roomId: string;
  readonly creator: string;
  /** The events that come with an invitation: create event and name. */
  readonly shown: readonly ValidatedPdu[];
  readonly inviteOf: (userId: string) => JsonObject;
  readonly invite: (userId: string) => ValidatedPdu;
  /** An event of the room, made and signed by a server. */
  readonly build: (pdu: JsonObject, by?: Peer) => ValidatedPdu;
  /** The name event with another name, as JSON. */
  readonly named: (name: string) => JsonObject;
};

export function foreignRoom(peer: Peer, versionId: string, name = 'Far room'): InvitingRoom {
  const version = findRoomVersion(versionId);
  assert.ok(version);
  const creator = peer.userId('owner');
  let ts = Date.now();
  const fill = (pdu: JsonObject, by: Peer): JsonObject => ({
    ...(version.eventId === 'in-pdu' && { event_id: `$${uniqueName('e')}:${by.name}` }),
    origin_server_ts: ts++,
    depth: 1,
    prev_events: [],
    auth_events: [],
    ...pdu,
  });
  const start = {
    type: 'm.room.create',
    sender: creator,
    state_key: '',
    content: { room_version: versionId, 'test.name': uniqueName(name), ...(version.creatorInContent && { creator }) },
    ...(version.roomIdIsCreateHash ? {} : { room_id: `!${uniqueName('room')}:${peer.name}` }),
  };
  const create = peer.buildEvent(fill(start, peer), versionId);
  const { roomId } = create;
  const reference = (eventId: string): EventReference =>
    version.eventId === 'in-pdu' ? [eventId, { sha256: 'x' }] : eventId;
  const build: InvitingRoom['build'] = (pdu, by = peer) =>
    by.buildEvent(fill({ prev_events: [reference(create.eventId)], depth: 2, room_id: roomId, ...pdu }, by), versionId);
  const namedEvent = (text: string): ValidatedPdu =>
    build({ type: 'm.room.name', sender: creator, state_key: '', content: { name: text } });
  const inviteOf = (userId: string): JsonObject => ({
    type: 'm.room.member',
    sender: creator,
    state_key: userId,
    content: { membership: 'invite' },
  });
  return {
    roomId,
    creator,
    shown: [create, namedEvent(name)],
    inviteOf,
    invite: (userId) => build(inviteOf(userId)),
    build,
    named: (text) => JSON.parse(namedEvent(text).json),
  };
}

/** An event as it came, which must be one of its room version with the hash that it says. */
export function readPdu(pdu: JsonValue | undefined, versionId: string): ValidatedPdu {
  const version = findRoomVersion(versionId);
  assert.ok(version);
  const verdict = validatePdu(JSON.stringify(pdu), version);
  assert.ok(verdict.ok && verdict.event.contentHashMatches, JSON.stringify(pdu));
  return verdict.event;
}
