/** Owns handing in a join, and judging what the room's server answers: the room's state, and perhaps its signature. */
import { authEventOf } from '#matrix/auth-event.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { stateKeysFor } from '#rooms/persist/judge-sealed.ts';
import { requireJson, sendPath } from '#rooms/residents/ask-membership.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import type { MembershipTemplate } from '#rooms/residents/check-template.ts';
import { checkTold, readRoomState } from '#rooms/residents/read-room-state.ts';
import { requirePermitted } from '#rooms/residents/require-permitted.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import { sliceLists } from '#rooms/residents/slice-lists.ts';
import type { ToldState } from '#rooms/residents/told-state.ts';

/** The other server may have to put together the state of a large room. */
const ANSWER_MS = 180_000;
const listNames = new Set(['state', 'auth_chain']);

/** The join as it is to be kept, and the state before it. Everything of it has been checked but what is here already. */
export type GrantedJoin = {
  readonly join: ValidatedPdu;
  readonly told: ToldState;
  /** The server that let us in. */
  readonly resident: string;
  /** Set if the state lacks members: the servers that were in the room before the join. */
  readonly omitted: { readonly servers: readonly string[] } | undefined;
};

/** Throws a BadAnswerError for an answer with which the room cannot be entered. Specification: `PUT /v2/send_join`. */
export async function sendJoin(
  { federation, config }: Pick<ResidentParts, 'federation' | 'config'>,
  server: string,
  { event, template }: { readonly event: ValidatedPdu; readonly template: MembershipTemplate },
): Promise<GrantedJoin> {
  const { bytes } = await federation.client.request(server, {
    method: 'PUT',
    path: sendPath('v2', 'join', event),
    body: event.json,
    timeoutMs: ANSWER_MS,
    bytesMax: config.federation.joinBytesMax,
  });
  const { lists, others } = await sliceLists(bytes, listNames);
  const [state, authChain] = [lists.get('state'), lists.get('auth_chain')];
  if (state === undefined || authChain === undefined) throw new BadAnswerError('It answered without the state.');
  const omitted = others.get('members_omitted');
  if (omitted !== undefined && requireJson(omitted) === true) {
    throw new BadAnswerError('It left members out of the state, which it was not asked to do.');
  }
  const join =
    template.authorisedVia === undefined ? event : await requireSigned(federation, event, others.get('event'));
  const told = await readRoomState(event, { state, authChain });
  requirePermitted(join, told, await checkTold(federation.keyring, told, told.textsOf(deciding(join, told))));
  return { join, told, resident: server, omitted: undefined };
}

/** What permits the join: what it cites, and what the state before it has of the same. */
function deciding({ pdu, eventId, version }: ValidatedPdu, told: ToldState): ReadonlySet<string> {
  const event = authEventOf(pdu, eventId, version);
  const keys = stateKeysFor(event, version);
  const entries = keys.map(([type, stateKey]) => told.findEntry(type, stateKey)).filter((id) => id !== undefined);
  return new Set([...event.auth_events, ...entries]);
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
