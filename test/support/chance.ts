/** Owns the few random choices that generators make from one seeded source of numbers. */

export class Chance {
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  /** A whole number, both ends included. */
  between(lowest: number, highest: number): number {
    return lowest + Math.floor(this.#next() * (highest - lowest + 1));
  }

  isOneIn(count: number): boolean {
    return this.between(1, count) === 1;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.between(0, list.length - 1)];
    if (picked === undefined) throw new Error('There is nothing to pick from.');
    return picked;
  }

  shuffle<T>(list: readonly T[]): T[] {
    return list
      .map((value): [number, T] => [this.#next(), value])
      .toSorted(([left], [right]) => left - right)
      .map(([, value]) => value);
  }
}
