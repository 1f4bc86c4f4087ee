/** Owns the text of sync tokens, which nothing else reads or writes. */

/** A place in each of the five streams: events, user data, to-device, device lists, ephemeral. */
export type StreamPositions = readonly [
  events: number,
  userData: number,
  toDevice: number,
  deviceLists: number,
  ephemeral: number,
];

export type SyncToken = { readonly epoch: number; readonly positions: StreamPositions };

/** Each position replaced by what `map` makes of it. */
export function mapPositions(positions: StreamPositions, map: (pos: number, index: number) => number): StreamPositions {
  const [events, userData, toDevice, deviceLists, ephemeral] = positions;
  return [map(events, 0), map(userData, 1), map(toDevice, 2), map(deviceLists, 3), map(ephemeral, 4)];
}

const STREAMS = 5;
const LENGTH_MAX = 128;
const numberPattern = /^(?:0|[1-9][0-9]{0,15})$/;

/** `v1.<epoch>.<position>…`, where positions of 0 at the end are left out. */
export function formatSyncToken(token: SyncToken): string {
  let last = STREAMS - 1;
  while (last > 0 && token.positions[last] === 0) last -= 1;
  return `v1.${token.epoch}.${token.positions.slice(0, last + 1).join('.')}`;
}

/** Undefined for whatever this server did not write. A token says nothing of who may use it, so any may be read. */
export function parseSyncToken(text: string): SyncToken | undefined {
  if (text.length > LENGTH_MAX || !text.startsWith('v1.')) return undefined;
  const parts = text.slice(3).split('.');
  if (parts.length < 2 || parts.length > STREAMS + 1) return undefined;
  if (!parts.every((part) => numberPattern.test(part))) return undefined;
  const [epoch = 0, events = 0, userData = 0, toDevice = 0, deviceLists = 0, ephemeral = 0] = parts.map(Number);
  return { epoch, positions: [events, userData, toDevice, deviceLists, ephemeral] };
}
