/** Owns inviting users of other servers: the event is signed here and there before it is part of the room. */
import type { FederationClient } from '#federation/federation-client.ts';
import { RemoteRefusal, RemoteUnreachable } from '#federation/remote-errors.ts';
import { randomString } from '#core/random.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import { buildEvent } from '#matrix/build-event.ts';
import { withSignatures } from '#matrix/co-sign.ts';
import { MatrixError } from '#matrix/error.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { redactJson } from '#matrix/redaction.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { AdmitParts } from '#rooms/admit/admit-parts.ts';
import { loadViewFor, requirePermitted } from '#rooms/admit/check-on-head.ts';
import { findShownPdus } from '#rooms/admit/shown-pdus.ts';
import { placeOnHead } from '#rooms/persist/place-on-head.ts';
import { entryOf, type RoomView } from '#rooms/persist/room-view.ts';

export type RemoteInviteParts = AdmitParts & {
  readonly federation: AdmitParts['federation'] & { readonly client: FederationClient };
};

export type RemoteInvite = {
  readonly roomId: string;
  readonly senderId: string;
  readonly invitedId: string;
  /** With the membership `invite`. */
  readonly content: JsonObject;
};

const ANSWER_BYTES_MAX = 1_000_000;
const idAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Answers the event's id once it is part of the room. Throws M_FORBIDDEN where the room's rules forbid it, what the invited user's
 * server refuses it with, and M_UNKNOWN with status 502 when that server cannot be reached or does not answer as it must.
 * Specification: Server-Server API, "Inviting to a room".
 */
export async function inviteRemoteUser(parts: RemoteInviteParts, invite: RemoteInvite): Promise<string> {
  const { roomId, senderId, invitedId, content } = invite;
  const draft = { type: 'm.room.member', sender: senderId, state_key: invitedId, content };
  const view = await loadViewFor(parts, roomId, draft);
  const event = signOnHead(parts, view, draft);
  requirePermitted(view, authEventOf(event.pdu, event.eventId, event.version));
  // The rules would let the invitation pass, but not the join.
  if (entryOf(view, 'm.room.create', '')?.event.content['m.federate'] === false) {
    throw new MatrixError('M_FORBIDDEN', 'This room is closed to users of other servers.');
  }
  const shown = await findShownPdus(parts, view, view.head.root, senderId);
  const signed = await askForSignature(parts, serverNameOf(invitedId) ?? '', event, shown);
  // The room may have gone on meanwhile: the event stands where it was made, and is judged there and by the room's state now.
  const { statuses } = await parts.persistEvents({ room: { roomId }, events: [{ sealed: signed, relay: true }] });
  if (statuses[0] !== 'accepted')
    throw new MatrixError('M_FORBIDDEN', "The room's rules forbid this invitation by now.");
  return signed.eventId;
}

function signOnHead(
  { ownKeys, clock }: AdmitParts,
  view: RoomView,
  draft: { readonly type: string; readonly sender: string; readonly state_key: string; readonly content: JsonObject },
): ValidatedPdu {
  const { signer } = ownKeys;
  const isNamed = view.version.eventId === 'in-pdu';
  const built = buildEvent(
    { ...draft, room_id: view.roomId },
    {
      version: view.version,
      ...placeOnHead(view, draft),
      originServerTs: clock.now(),
      signer,
      ...(isNamed && { eventId: `$${randomString(32, idAlphabet)}:${signer.serverName}` }),
    },
  );
  if (built.ok) return built.event;
  throw new MatrixError(built.reason === 'too-large' ? 'M_TOO_LARGE' : 'M_BAD_JSON', built.message);
}

/** The event with the other server's signature; nothing else of its answer is used. */
async function askForSignature(
  parts: RemoteInviteParts,
  server: string,
  event: ValidatedPdu,
  shown: readonly string[],
): Promise<ValidatedPdu> {
  const answered = await ask(parts, server, event, shown);
  const signatures = isJsonObject(answered) ? answered['signatures'] : undefined;
  const own = isJsonObject(signatures) ? signatures[server] : undefined;
  const given = Object.entries(isJsonObject(own) ? own : {}).flatMap(([keyId, signature]) =>
    typeof signature === 'string' ? [[keyId, signature] as const] : [],
  );
  const verdict = withSignatures(event, server, Object.fromEntries(given));
  if (verdict.ok) {
    const covered: JsonObject = JSON.parse(redactJson(verdict.event.json, event.version));
    if (await parts.federation.keyring.checkJson(server, covered)) return verdict.event;
  }
  throw unreachable(`${server} has not signed the invitation.`);
}

/** What the server answered as the event. */
async function ask(
  { federation }: RemoteInviteParts,
  server: string,
  event: ValidatedPdu,
  shown: readonly string[],
): Promise<JsonValue | undefined> {
  const { roomId, eventId, version, json } = event;
  const target = `${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
  const put = async (path: string, body: string): Promise<JsonValue> => {
    const { bytes } = await federation.client.request(server, {
      method: 'PUT',
      path,
      body,
      bytesMax: ANSWER_BYTES_MAX,
    });
    const parsed = parseJsonBytes(bytes, { bytesMax: ANSWER_BYTES_MAX, numbers: 'any' });
    if (!parsed.ok) throw new RemoteUnreachable(`it answered with what is no JSON (${parsed.message})`);
    return parsed.value;
  };
  const state = `[${shown.join(',')}]`;
  try {
    const body = `{"event":${json},"invite_room_state":${state},"room_version":${JSON.stringify(version.id)}}`;
    const answer = await put(`/_matrix/federation/v2/invite/${target}`, body);
    return isJsonObject(answer) ? answer['event'] : undefined;
  } catch (error) {
    const isOld = error instanceof RemoteRefusal && [400, 404].includes(error.status);
    if (!isOld || version.eventId !== 'in-pdu') throw refusalOf(error, server);
  }
  // Specification: `PUT /v2/invite`: a server that knows the first version alone may be in rooms of versions 1 and 2.
  try {
    const body = `${json.slice(0, -1)},"unsigned":{"invite_room_state":${state}}}`;
    const answer = await put(`/_matrix/federation/v1/invite/${target}`, body);
    const [, container] = Array.isArray(answer) ? answer : [];
    return isJsonObject(container) ? container['event'] : undefined;
  } catch (error) {
    throw refusalOf(error, server);
  }
}

/** What the failure means to the user. Specification: Client-Server API, `POST /rooms/{roomId}/invite`. */
function refusalOf(error: unknown, server: string): unknown {
  if (error instanceof RemoteRefusal) {
    const message = `${server} refused: ${error.message}`;
    if (error.errcode === 'M_INVITE_BLOCKED') return new MatrixError('M_INVITE_BLOCKED', message, { cause: error });
    if (error.errcode === 'M_INCOMPATIBLE_ROOM_VERSION' || error.errcode === 'M_UNSUPPORTED_ROOM_VERSION') {
      return new MatrixError('M_UNSUPPORTED_ROOM_VERSION', message, { cause: error });
    }
    if (error.status === 403) return new MatrixError('M_FORBIDDEN', message, { cause: error });
    if (error.status === 404) return new MatrixError('M_NOT_FOUND', message, { cause: error });
    return unreachable(message, error);
  }
  if (error instanceof RemoteUnreachable) return unreachable(`${server} could not be asked: ${error.message}`, error);
  return error;
}

function unreachable(message: string, cause?: unknown): MatrixError {
  return new MatrixError('M_UNKNOWN', message, { status: 502, cause });
}
