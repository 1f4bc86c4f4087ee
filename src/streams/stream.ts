/** Owns what all five streams have in common. */

export type Stream<Fact> = {
  /** Greatest position up to which this process has read everything; a sync answers up to here and never beyond. */
  readonly horizon: number;
  /** Facts with after < pos ≤ horizon, oldest first, or undefined when memory no longer reaches back to `after`. */
  since(after: number): readonly Fact[] | undefined;
  /** Reads what other processes have committed; when it resolves, all that was committed before the call is known. */
  catchUp(): Promise<void>;
};
