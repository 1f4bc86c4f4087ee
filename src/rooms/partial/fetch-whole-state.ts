/** Owns fetching the whole state before the join by which a room was entered without its members. */
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import { readRoomState } from '#rooms/residents/read-room-state.ts';
import { requirePermitted } from '#rooms/residents/require-permitted.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import { sliceLists } from '#rooms/residents/slice-lists.ts';
import { takeInState, usableIn } from '#rooms/residents/take-in-state.ts';

/** The other server may have to put together the state of a large room. */
const ANSWER_MS = 180_000;
const listNames = new Set(['pdus', 'auth_chain']);

export type FetchParts = Pick<
  ResidentParts,
  'database' | 'tries' | 'interned' | 'nids' | 'clock' | 'federation' | 'config'
>;

/**
 * The ids of the state, all of which are here then. Throws a BadAnswerError for a state that does not permit the join, as the
 * room was entered by it. Specification: Server-Server API, `GET /state/{roomId}`.
 */
export async function fetchWholeState(
  parts: FetchParts,
  server: string,
  join: ValidatedPdu,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { federation, config } = parts;
  const { roomId, eventId } = join;
  const { bytes } = await federation.client.request(server, {
    method: 'GET',
    path: `/_matrix/federation/v1/state/${encodeURIComponent(roomId)}?event_id=${encodeURIComponent(eventId)}`,
    timeoutMs: ANSWER_MS,
    bytesMax: config.federation.joinBytesMax,
    signal,
  });
  const { lists } = await sliceLists(bytes, listNames);
  const [state, authChain] = [lists.get('pdus'), lists.get('auth_chain')];
  if (state === undefined || authChain === undefined) throw new BadAnswerError('It answered without the state.');
  const told = await readRoomState(join, { state, authChain });
  await requirePermitted(federation.keyring, join, told, { isPartial: false });
  const isUsable = usableIn(await takeInState(parts, told));
  return told.stateIds.filter(isUsable);
}
