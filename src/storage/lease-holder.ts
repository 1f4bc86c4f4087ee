/** Owns keeping a lease: taken when it is free, renewed in time, given back at the end. */
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import type { ReadTx, Tx } from '#storage/database.ts';
import { lockLease, persistLease, persistLeaseEnd, type LeaseName } from '#storage/leases.ts';

export type LeaseTimes = {
  /** Another process can have the lease so long after this one was last heard of. */
  readonly leaseMs: number;
  readonly renewMs: number;
};

/** Whether the lease is still this process's, asked in the transaction that has an effect; until its end nobody takes it over. */
export type IsOwner = (tx: Tx) => Promise<boolean>;

export class LeaseHolder {
  readonly #database: ReadTx;
  readonly #clock: Clock;
  readonly #name: LeaseName;
  readonly #times: LeaseTimes;
  readonly #owner = randomToken(9);
  #fence = 0;
  #untilMs = -Infinity;
  #renewAtMs = -Infinity;

  constructor(parts: { readonly database: ReadTx; readonly clock: Clock }, name: LeaseName, times: LeaseTimes) {
    this.#database = parts.database;
    this.#clock = parts.clock;
    this.#name = name;
    this.#times = times;
  }

  /** Whether this process has the lease; `anew` if it had not a moment ago, so that others may have done things since. */
  async hold(): Promise<'no' | 'anew' | 'still'> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#renewAtMs && nowMs < this.#untilMs) return 'still';
    const isNew = nowMs >= this.#untilMs;
    const fence = await persistLease(this.#database, this.#name, this.#owner, this.#times.leaseMs);
    if (fence === undefined) {
      this.#untilMs = -Infinity;
      return 'no';
    }
    this.#fence = fence;
    this.#untilMs = nowMs + this.#times.leaseMs;
    this.#renewAtMs = nowMs + this.#times.renewMs;
    return isNew ? 'anew' : 'still';
  }

  /** For effects of what was begun under the lease as it is held now. */
  get isOwner(): IsOwner {
    const fence = this.#fence;
    return async (tx) => {
      const isMine = await lockLease(tx, this.#name, fence);
      if (!isMine) this.#untilMs = -Infinity;
      return isMine;
    };
  }

  /** Lets the next process have it at once. Nothing is lost if the database is away: the lease ends by itself. */
  async end(): Promise<void> {
    if (this.#untilMs === -Infinity) return;
    this.#untilMs = -Infinity;
    await persistLeaseEnd(this.#database, this.#name, this.#owner).catch(() => undefined);
  }
}
