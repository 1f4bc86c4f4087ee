/** Owns letting a number of tasks run at a time; the others wait for their turn, in the order in which they came. */

export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** `max`: how many run at a time. */
  constructor(max: number) {
    this.#free = max;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      // The place goes from hand to hand.
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
