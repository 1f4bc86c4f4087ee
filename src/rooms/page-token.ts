/** Owns the tokens by which a room's history is paged through. */

/** A place between two events of one room: every event whose `room_order` is below `order` is older. */
export type PagePosition = { readonly roomNid: number; readonly order: number };

// Integers of up to 16 digits; what exceeds the safe range is refused below.
const form = /^p1\.(\d{1,16})\.(-?\d{1,16})$/;

/** `p1.<room>.<order>`: good in both directions, and for as long as the room exists. */
export function formatPageToken({ roomNid, order }: PagePosition): string {
  return `p1.${roomNid}.${order}`;
}

/** The position, or undefined if this is not such a token. */
export function parsePageToken(token: string): PagePosition | undefined {
  const match = form.exec(token);
  if (match === null) return undefined;
  const [roomNid, order] = [Number(match[1]), Number(match[2])];
  return Number.isSafeInteger(roomNid) && Number.isSafeInteger(order) ? { roomNid, order } : undefined;
}
