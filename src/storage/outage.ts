/** Owns knowing for how long a writer has not been able to write, since the database is away, full or stuck. */
import type { Clock } from '#core/clock.ts';

export class Outage {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #sinceMs: number | undefined;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** A write was interrupted. */
  begin(): void {
    this.#sinceMs ??= this.#clock.monotonicMs();
  }

  /** A write has come through. */
  end(): void {
    this.#sinceMs = undefined;
  }

  /** For how long nothing has come through, in milliseconds; 0 while all is well. */
  get lastsMs(): number {
    return this.#sinceMs === undefined ? 0 : this.#clock.monotonicMs() - this.#sinceMs;
  }
}
