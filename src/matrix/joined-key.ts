/** Owns the one string that stands for a pair of event type and state key, wherever pairs are keys of a map. */

export type TypeAndKey = readonly [type: string, stateKey: string];

/** One string for a pair; the length in front makes it unambiguous. */
export const joinedKey = (type: string, stateKey: string): string => `${type.length}:${type}${stateKey}`;

/** The pair that a joined key stands for. */
export function splitKey(key: string): TypeAndKey {
  const colon = key.indexOf(':');
  const start = colon + 1;
  const end = start + Number(key.slice(0, colon));
  return [key.slice(start, end), key.slice(end)];
}
