/** Owns the reproducible chance of a test: the same seed makes the same choices. */
import { randomInt } from 'node:crypto';

/** A source of numbers in [0, 1). The generator is mulberry32: short, and good enough to choose moments with. */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed from `CAUSEWAY_TEST_SEED`, or a new one. Print it, so that a failure can be run again. */
export function chooseSeed(): number {
  const given = process.env['CAUSEWAY_TEST_SEED'];
  return given === undefined ? randomInt(2 ** 32) : Number(given);
}
