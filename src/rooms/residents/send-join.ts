/** Owns handing in a join, and judging what the room's server answers: the room's state, and perhaps its signature. */
import { isServerName } from '#matrix/ids.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { JsonValue } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { OmittedMembers } from '#rooms/persist-request.ts';
import { requireJson, sendPath } from '#rooms/residents/ask-membership.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import type { MembershipTemplate } from '#rooms/residents/check-template.ts';
import { readRoomState } from '#rooms/residents/read-room-state.ts';
import { requirePermitted } from '#rooms/residents/require-permitted.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import { sliceLists } from '#rooms/residents/slice-lists.ts';
import type { ToldState } from '#rooms/residents/told-state.ts';

/** The other server may have to put together the state of a large room. */
const ANSWER_MS = 180_000;
/** A room with users on so many servers is larger than any that is known. */
const SERVERS_MAX = 50_000;
const listNames = new Set(['state', 'auth_chain']);

/** The join as it is to be kept, and the state before it. Everything of it has been checked but what is here already. */
export type GrantedJoin = {
  readonly join: ValidatedPdu;
  readonly told: ToldState;
  /** Set if the state lacks members. */
  readonly omitted: OmittedMembers | undefined;
};

type AskedJoin = {
  readonly event: ValidatedPdu;
  readonly template: MembershipTemplate;
  /** Whether the members may be left out of the state, to be fetched later. */
  readonly mayOmit: boolean;
};

/** Throws a BadAnswerError for an answer with which the room cannot be entered. Specification: `PUT /v2/send_join`. */
export async function sendJoin(
  { federation, config }: Pick<ResidentParts, 'federation' | 'config'>,
  server: string,
  { event, template, mayOmit }: AskedJoin,
): Promise<GrantedJoin> {
  const { bytes } = await federation.client.request(server, {
    method: 'PUT',
    path: `${sendPath('v2', 'join', event)}${mayOmit ? '?omit_members=true' : ''}`,
    body: event.json,
    timeoutMs: ANSWER_MS,
    bytesMax: config.federation.joinBytesMax,
  });
  const { lists, others } = await sliceLists(bytes, listNames);
  const [state, authChain] = [lists.get('state'), lists.get('auth_chain')];
  if (state === undefined || authChain === undefined) throw new BadAnswerError('It answered without the state.');
  const isReduced = jsonOf(others, 'members_omitted') === true;
  if (isReduced && !mayOmit) {
    throw new BadAnswerError('It left members out of the state, which it was not asked to do.');
  }
  const omitted = isReduced
    ? { resident: server, servers: requireServers(jsonOf(others, 'servers_in_room')) }
    : undefined;
  const join =
    template.authorisedVia === undefined ? event : await requireSigned(federation, event, others.get('event'));
  const told = await readRoomState(event, { state, authChain });
  await requirePermitted(federation.keyring, join, told, { isPartial: isReduced });
  return { join, told, omitted };
}

function jsonOf(members: ReadonlyMap<string, Buffer>, key: string): JsonValue | undefined {
  const text = members.get(key);
  return text === undefined ? undefined : requireJson(text);
}

/** Specification: `PUT /v2/send_join`, `servers_in_room`: "Required if `members_omitted` is true." */
function requireServers(value: JsonValue | undefined): readonly string[] {
  if (!Array.isArray(value)) {
    throw new BadAnswerError('It left members out of the state, and did not say which servers are in the room.');
  }
  const names = new Set(value.filter((name) => typeof name === 'string').filter((name) => isServerName(name)));
  return [...names].slice(0, SERVERS_MAX);
}

/** The join with the signature of the server that vouches for it, which nobody accepts it without. */
async function requireSigned(
  { keyring }: Pick<ResidentParts['federation'], 'keyring'>,
  own: ValidatedPdu,
  answered: Buffer | undefined,
): Promise<ValidatedPdu> {
  const verdict = answered === undefined ? undefined : validatePdu(answered, own.version);
  if (verdict?.ok !== true || verdict.event.eventId !== own.eventId || !verdict.event.contentHashMatches) {
    throw new BadAnswerError('It answered without the join that it should have signed.');
  }
  const [checked] = await keyring.checkEvents([verdict.event]);
  if (checked?.ok !== true) throw new BadAnswerError('It has not signed the join that it vouches for.');
  return checked.event;
}
