/** Owns the first half of every membership that another server helps with: its template, and our event after it. */
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { roomVersions, type RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';
import { checkTemplate, type MembershipTemplate, type MembershipWanted } from '#rooms/residents/check-template.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import { signMembership } from '#rooms/residents/sign-membership.ts';

const ANSWER_BYTES_MAX = 1_000_000;
const ANSWER_MS = 20_000;

const versionsQuery = [...roomVersions.keys()].map((id) => `ver=${encodeURIComponent(id)}`).join('&');

/**
 * Asks the server for its template and signs an event of ours at that place. Throws a BadAnswerError for a template that is
 * not what was asked for, M_INCOMPATIBLE_ROOM_VERSION for a room of a version that this server does not know.
 */
export async function askMembership(
  parts: Pick<ResidentParts, 'federation' | 'ownKeys' | 'clock'>,
  server: string,
  wanted: MembershipWanted,
  { known, content }: { readonly known: RoomVersion | undefined; readonly content: JsonObject },
): Promise<{ readonly event: ValidatedPdu; readonly template: MembershipTemplate }> {
  const { federation, ownKeys, clock } = parts;
  const target = [wanted.roomId, wanted.userId].map(encodeURIComponent).join('/');
  const query = wanted.membership === 'leave' ? '' : `?${versionsQuery}`;
  const path = `/_matrix/federation/v1/make_${wanted.membership}/${target}${query}`;
  const limits = { timeoutMs: ANSWER_MS, bytesMax: ANSWER_BYTES_MAX };
  const { bytes } = await federation.client.request(server, { method: 'GET', path, ...limits });
  const verdict = checkTemplate(requireJson(bytes), wanted, known);
  if (!verdict.ok) {
    if (verdict.roomVersion === undefined) throw new BadAnswerError(verdict.message);
    const fields = { room_version: verdict.roomVersion };
    throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', verdict.message, { fields });
  }
  const { template } = verdict;
  try {
    const event = signMembership(wanted, template, content, { signer: ownKeys.signer, now: clock.now() });
    return { event, template };
  } catch (error) {
    if (error instanceof TypeError) throw new BadAnswerError(error.message, { cause: error });
    throw error;
  }
}

/** The path under which the event is handed in. */
export function sendPath(
  version: 'v1' | 'v2',
  membership: MembershipWanted['membership'],
  event: ValidatedPdu,
): string {
  const target = [event.roomId, event.eventId].map(encodeURIComponent).join('/');
  return `/_matrix/federation/${version}/send_${membership}/${target}`;
}

export function requireJson(bytes: Uint8Array): JsonValue {
  const parsed = parseJsonBytes(bytes, { bytesMax: ANSWER_BYTES_MAX, numbers: 'any' });
  if (!parsed.ok) throw new BadAnswerError(`It answered with what is no JSON: ${parsed.message}`);
  return parsed.value;
}
