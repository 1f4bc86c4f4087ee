/** Owns how many of a device's keys others can still claim, which every answer tells. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { ReadTx } from '#storage/database.ts';
import { findKeyCounts } from '#storage/users/keys/find-key-counts.ts';
import type { ChangeStream } from '#streams/change-stream.ts';

const DEVICES_MAX = 100_000;

type Counted = { readonly pos: number; readonly json: string };
// A cache of what the stream tells; each stream has its own.
const countsOf = new WeakMap<ChangeStream, BoundedMap<number, Counted>>();

/**
 * The members `device_one_time_keys_count` and `device_unused_fallback_key_types` of an answer. From memory, unless the
 * stream tells that the device's keys changed.
 */
export async function keyCountsJson(database: ReadTx, deviceLists: ChangeStream, deviceNid: number): Promise<string> {
  let counts = countsOf.get(deviceLists);
  if (counts === undefined) countsOf.set(deviceLists, (counts = new BoundedMap({ sizeMax: DEVICES_MAX })));
  const known = counts.get(deviceNid);
  const isCurrent =
    known !== undefined &&
    deviceLists.reachesBackTo(known.pos) &&
    !deviceLists.hasSince('deviceKeys', deviceNid, known.pos);
  if (isCurrent) return known.json;
  const pos = deviceLists.horizon;
  const { oneTimeKeyCounts, unusedFallbackAlgorithms } = await findKeyCounts(database, deviceNid);
  const json =
    `"device_one_time_keys_count":${JSON.stringify(oneTimeKeyCounts)},` +
    `"device_unused_fallback_key_types":${JSON.stringify(unusedFallbackAlgorithms)}`;
  counts.set(deviceNid, { pos, json });
  return json;
}
