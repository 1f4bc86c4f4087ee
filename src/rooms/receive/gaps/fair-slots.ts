/** Owns how many pieces of work run at once: so many in all, and no caller takes all of them. */

type Waiter = { readonly caller: string; readonly start: () => void };

export class FairSlots {
  readonly #max: number;
  readonly #perCallerMax: number;
  readonly #running = new Map<string, number>();
  readonly #waiting: Waiter[] = [];
  #count = 0;

  constructor({ max, perCallerMax }: { readonly max: number; readonly perCallerMax: number }) {
    this.#max = max;
    this.#perCallerMax = perCallerMax;
  }

  /** Runs it when its turn has come: first come, first served, among callers that have a slot left. */
  async run<Result>(caller: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#mayStart(caller)) this.#take(caller);
    else await new Promise<void>((start) => this.#waiting.push({ caller, start }));
    try {
      return await work();
    } finally {
      this.#give(caller);
    }
  }

  #mayStart(caller: string): boolean {
    return this.#count < this.#max && (this.#running.get(caller) ?? 0) < this.#perCallerMax;
  }

  #take(caller: string): void {
    this.#count++;
    this.#running.set(caller, (this.#running.get(caller) ?? 0) + 1);
  }

  #give(caller: string): void {
    this.#count--;
    const left = (this.#running.get(caller) ?? 1) - 1;
    if (left === 0) this.#running.delete(caller);
    else this.#running.set(caller, left);
    const index = this.#waiting.findIndex((waiter) => this.#mayStart(waiter.caller));
    const [next] = index === -1 ? [] : this.#waiting.splice(index, 1);
    if (next === undefined) return;
    this.#take(next.caller);
    next.start();
  }
}
