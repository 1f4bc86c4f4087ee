/** Owns the table of what other servers say beside events: for each type of EDU who takes it. */
import type { Context } from '#context.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { takePresence } from '#rooms/receive/take-presence.ts';
import { takeReceipts } from '#rooms/receive/take-receipts.ts';
import { takeTyping } from '#rooms/receive/take-typing.ts';
import { findUnavailable } from '#storage/overload.ts';
import { MatrixError } from '#matrix/error.ts';
import { takeToDevice } from '#streams/take-to-device.ts';
import { takeDeviceListUpdate } from '#users/remote/take-device-list-update.ts';
import { takeSigningKeyUpdate } from '#users/remote/take-signing-key-update.ts';

/**
 * Takes one EDU that the server has sent. What is malformed, or about what is not the server's, is ignored. What throws
 * since it cannot be kept right now has the whole transaction sent again: a repeat must do no harm.
 */
export type TakeEdu = (context: Context, origin: string, content: JsonObject) => Promise<void>;

/** Types that are not here are ignored. */
const takers: Readonly<Record<string, TakeEdu>> = {
  'm.presence': takePresence,
  'm.typing': takeTyping,
  'm.receipt': takeReceipts,
  'm.direct_to_device': takeToDevice,
  'm.device_list_update': takeDeviceListUpdate,
  'm.signing_key_update': takeSigningKeyUpdate,
};

/** What the next one makes good, so that a server which says too much of it is not listened to. */
const fleeting: ReadonlySet<string> = new Set(['m.presence', 'm.typing', 'm.receipt']);

/** Takes the EDUs of a transaction in their order; one that fails by itself does not fail the others. */
export async function takeEdus(context: Context, origin: string, edus: readonly JsonValue[]): Promise<void> {
  for (const edu of edus) {
    if (!isJsonObject(edu)) continue;
    const { edu_type: type, content } = edu;
    if (typeof type !== 'string' || !Object.hasOwn(takers, type) || !isJsonObject(content)) continue;
    if (fleeting.has(type) && !context.receiver.mayTell(origin)) continue;
    try {
      await takers[type]?.(context, origin, content);
    } catch (error) {
      if (findUnavailable(error) !== undefined || (error instanceof MatrixError && error.status >= 500)) throw error;
      context.logger.error({ err: error, origin, type }, 'an EDU could not be taken');
    }
  }
}
