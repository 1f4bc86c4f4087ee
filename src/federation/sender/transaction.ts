/** Owns the text of a transaction and what fits into one. Specification: Server-Server API, "Transactions". */

/** As many as the specification lets a transaction have. */
export const PDUS_MAX = 50;
export const EDUS_MAX = 100;
/** Beside events, so that neither takes the other's place. */
export const EDUS_BYTES_MAX = 512 * 1024;

/** The texts are JSON already. */
export function transactionText(
  head: { readonly origin: string; readonly now: number },
  pdus: readonly string[],
  edus: readonly string[],
): string {
  const { origin, now } = head;
  const tail = edus.length === 0 ? '' : `,"edus":[${edus.join(',')}]`;
  return `{"origin":${JSON.stringify(origin)},"origin_server_ts":${now},"pdus":[${pdus.join(',')}]${tail}}`;
}

/** The first texts that fit; the very first one always does. */
export function takeFitting<T>(
  items: readonly T[],
  textOf: (item: T) => string,
  bound: { readonly countMax: number; readonly bytesMax: number },
): T[] {
  const taken: T[] = [];
  let bytes = 0;
  for (const item of items) {
    bytes += Buffer.byteLength(textOf(item));
    if (taken.length >= bound.countMax || (taken.length > 0 && bytes > bound.bytesMax)) break;
    taken.push(item);
  }
  return taken;
}
