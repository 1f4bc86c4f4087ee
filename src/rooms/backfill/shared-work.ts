/** Owns work that several requests wait for, each for as long as it likes: it is done once at a time, and goes on without them. */

export class SharedWork {
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #atOnceMax: number;
  readonly #failed: (error: unknown) => void;

  constructor({ atOnceMax, failed }: { readonly atOnceMax: number; readonly failed: (error: unknown) => void }) {
    this.#atOnceMax = atOnceMax;
    this.#failed = failed;
  }

  /** What the work under this key gives; false if that takes longer, fails, or too much is under way already. */
  run(key: string, leftMs: number, work: () => Promise<boolean>): Promise<boolean> {
    const started = this.#running.get(key) ?? this.#start(key, work);
    return leftMs <= 0 ? Promise.resolve(false) : within(started, leftMs);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  #start(key: string, work: () => Promise<boolean>): Promise<boolean> {
    if (this.#running.size >= this.#atOnceMax) return Promise.resolve(false);
    const started = work()
      .catch((error: unknown) => {
        this.#failed(error);
        return false;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}

async function within(work: Promise<boolean>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
