/** Owns what a scripted peer does for a user of its own: asking for templates, filling them in, submitting what it signed. */
import assert from 'node:assert/strict';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { roomVersions } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { encode, uniqueName } from '#test/support/matrix-http.ts';
import type { Peer, PeerAnswer } from '#test/support/peer.ts';

type Server = { readonly name: string };
export type Membership = 'join' | 'leave' | 'knock';

/** All versions, as a server asks that knows them all. */
export const everyVersion = Array.from(roomVersions.keys(), (version) => `ver=${version}`).join('&');

const submissionPaths: Record<Membership, string> = {
  join: '/_matrix/federation/v2/send_join',
  leave: '/_matrix/federation/v2/send_leave',
  knock: '/_matrix/federation/v1/send_knock',
};

export function askTemplate(
  peer: Peer,
  server: Server,
  membership: Membership,
  roomId: string,
  userId: string,
  query = membership === 'leave' ? '' : `?${everyVersion}`,
): Promise<PeerAnswer> {
  const path = `/_matrix/federation/v1/make_${membership}/${encode(roomId)}/${encode(userId)}${query}`;
  return peer.ask(server, 'GET', path);
}

/** The event that a template asks for, signed, with these of its keys replaced. */
export function fillTemplate(peer: Peer, template: PeerAnswer, changes: JsonObject = {}): ValidatedPdu {
  assert.equal(template.status, 200, template.bodyText);
  const { event, room_version: version } = template.body;
  assert.ok(isJsonObject(event) && typeof version === 'string');
  const { origin: _origin, ...kept } = event;
  const named = roomVersions.get(version)?.eventId === 'in-pdu' ? { event_id: `$${uniqueName('e')}:${peer.name}` } : {};
  return peer.buildEvent({ ...kept, ...named, origin_server_ts: Date.now(), ...changes }, version);
}

export function submit(
  peer: Peer,
  server: Server,
  membership: Membership,
  event: ValidatedPdu,
  named: { readonly roomId?: string; readonly eventId?: string; readonly query?: string } = {},
): Promise<PeerAnswer> {
  const { roomId = event.roomId, eventId = event.eventId, query = '' } = named;
  const body: JsonObject = JSON.parse(event.json);
  return peer.ask(server, 'PUT', `${submissionPaths[membership]}/${encode(roomId)}/${encode(eventId)}${query}`, body);
}

/** The whole handshake; gives the event and the answer to its submission. `query` is that of the submission. */
export async function changeMembership(
  peer: Peer,
  server: Server,
  membership: Membership,
  roomId: string,
  userId: string,
  query = '',
): Promise<{ readonly event: ValidatedPdu; readonly answer: PeerAnswer }> {
  const event = fillTemplate(peer, await askTemplate(peer, server, membership, roomId, userId));
  const answer = await submit(peer, server, membership, event, { query });
  assert.equal(answer.status, 200, answer.bodyText);
  return { event, answer };
}

/** The events of a list, each of which must be one of its room version with the hash that it says. */
export function readPdus(list: JsonValue | undefined, versionId: string): ValidatedPdu[] {
  const version = roomVersions.get(versionId);
  assert.ok(version && Array.isArray(list));
  return list.map((pdu) => {
    const verdict = validatePdu(JSON.stringify(pdu), version);
    assert.ok(verdict.ok && verdict.event.contentHashMatches, JSON.stringify(pdu));
    return verdict.event;
  });
}
