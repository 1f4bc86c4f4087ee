/** Owns time: the only place that reads the machine's clocks. */

/** Everything that needs the time takes a `Clock`, so that a test can hold it still. */
export type Clock = {
  /** Wall clock in milliseconds since the Unix epoch. */
  now(): number;
  /** A clock that never goes back, in milliseconds, for durations. */
  monotonicMs(): number;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};
