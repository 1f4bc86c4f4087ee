/** Owns letting those who want the same thing have it one after the other. */

export class KeyedTurns {
  /** The last of each thing's queue. */
  readonly #last = new Map<string, Promise<void>>();

  /** Runs after all that were here before for the same key, whatever became of them. */
  async take<Result>(key: string, run: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(key, promise);
    await before;
    try {
      return await run();
    } finally {
      if (this.#last.get(key) === promise) this.#last.delete(key);
      resolve();
    }
  }
}
