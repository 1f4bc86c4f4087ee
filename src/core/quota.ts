/** Owns counting how much is in use of something that is limited: what does not fit is refused at once, and counted. */

/** What metrics tell of one limit. */
export type Load = {
  /** In snake case. */
  readonly name: string;
  readonly max: number;
  readonly used: number;
  /** How often something was refused since the start. */
  readonly refusedCount: number;
};

export class Quota implements Load {
  readonly name: string;
  readonly max: number;
  #used = 0;
  #refusedCount = 0;

  constructor(name: string, max: number) {
    this.name = name;
    this.max = max;
  }

  get used(): number {
    return this.#used;
  }

  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** False, with nothing taken, when it would be more than the limit. */
  take(amount = 1): boolean {
    if (this.#used + amount > this.max) {
      this.#refusedCount += 1;
      return false;
    }
    this.#used += amount;
    return true;
  }

  /** Gives back what was taken. */
  give(amount = 1): void {
    this.#used -= amount;
  }
}

/** What one holder has of a quota; disposing of it gives all of it back. */
export class QuotaShare implements Disposable {
  readonly #quota: Quota;
  #taken = 0;

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  /** False when that much more does not fit; what the holder has already stays. */
  take(amount: number): boolean {
    if (!this.#quota.take(amount)) return false;
    this.#taken += amount;
    return true;
  }

  [Symbol.dispose](): void {
    this.#quota.give(this.#taken);
    this.#taken = 0;
  }
}
