/** Owns the one string that stands for a pair of event type and state key, wherever pairs are keys of a map. */

export type TypeAndKey = readonly [type: string, stateKey: string];

/** One string for a pair; the length in front makes it unambiguous. */
export const joinedKey = (type: string, stateKey: string): string => `${type.length}:${type}${stateKey}`;
