/** Owns the messages to devices in a sync. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { findToDeviceMessages } from '#storage/streams/find-to-device.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';

const MESSAGES_MAX = 100;

export type ToDevice = {
  /** JSON texts of events. */
  readonly events: readonly string[];
  /** Up to where the answer tells: the next sync goes on from here. */
  readonly upTo: number;
};

/** The oldest messages that the device has not had. They are deleted when its next token says that it has had them. */
export async function collectToDevice(
  { database, streams }: SyncParts,
  { deviceNid, since, horizons }: SyncWindow,
): Promise<ToDevice> {
  const after = since?.[2] ?? 0;
  const [, , upTo] = horizons;
  const { toDevice } = streams;
  const isQuiet =
    since !== undefined &&
    (after >= upTo || (toDevice.reachesBackTo(after) && !toDevice.hasSince('toDevice', deviceNid, after)));
  if (isQuiet) return { events: [], upTo };
  const found = await findToDeviceMessages(database, deviceNid, { after, upTo, limit: MESSAGES_MAX + 1 });
  const told = found.slice(0, MESSAGES_MAX);
  return {
    events: told.map(
      ({ type, sender, content }) =>
        `{"type":${canonicalString(type)},"sender":${canonicalString(sender)},"content":${content}}`,
    ),
    upTo: found.length > MESSAGES_MAX ? (told.at(-1)?.pos ?? after) : upTo,
  };
}
