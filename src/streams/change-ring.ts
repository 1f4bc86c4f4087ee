/** Owns the newest changes of one stream in memory, found by position and by whom they concern. */
import { keysOf, type Change, type ChangeKind } from '#streams/change.ts';

export type ChangeRingBounds = {
  readonly changesMax: number;
  /** The most rooms, users and devices that the changes concern, counted again for each change. */
  readonly keysMax: number;
};

/** Holds every change with floor < pos ≤ horizon. The oldest leave when there are too many; the tables have them still. */
export class ChangeRing {
  #floor: number;
  #horizon: number;
  readonly #bounds: ChangeRingBounds;
  #changes: Change[] = [];
  #start = 0;
  #keys = 0;
  /** By kind and key the position of the newest change. */
  readonly #newest = new Map<ChangeKind, Map<number, number>>();

  constructor(horizon: number, bounds: ChangeRingBounds) {
    this.#floor = horizon;
    this.#horizon = horizon;
    this.#bounds = bounds;
  }

  get horizon(): number {
    return this.#horizon;
  }

  get count(): number {
    return this.#changes.length - this.#start;
  }

  reachesBackTo(after: number): boolean {
    return after >= this.#floor;
  }

  /** Changes after a position, oldest first. Ask `reachesBackTo` before. */
  since(after: number): readonly Change[] {
    let at = this.#changes.length;
    while (at > this.#start && (this.#changes[at - 1]?.pos ?? 0) > after) at -= 1;
    return this.#changes.slice(at);
  }

  /** Whether there is a change of this kind for a device (`toDevice`), a user or a room. Ask `reachesBackTo` before. */
  hasSince(kind: ChangeKind, key: number, after: number): boolean {
    return (this.#newest.get(kind)?.get(key) ?? 0) > after;
  }

  /** Adds changes in order, and moves the horizon, beyond which nothing is known. */
  append(changes: readonly Change[], horizon: number): void {
    for (const change of changes) {
      this.#changes.push(change);
      let newest = this.#newest.get(change.kind);
      if (newest === undefined) this.#newest.set(change.kind, (newest = new Map()));
      const keys = keysOf(change);
      for (const key of keys) newest.set(key, change.pos);
      this.#keys += keys.length;
    }
    this.#horizon = horizon;
    while (this.count > this.#bounds.changesMax || this.#keys > this.#bounds.keysMax) this.#dropOldest();
  }

  /** Forgets everything: too much has passed unseen. */
  reset(horizon: number): void {
    this.#changes = [];
    this.#start = 0;
    this.#keys = 0;
    this.#newest.clear();
    this.#floor = horizon;
    this.#horizon = horizon;
  }

  #dropOldest(): void {
    const change = this.#changes[this.#start];
    if (change === undefined) return;
    this.#floor = change.pos;
    this.#start += 1;
    const newest = this.#newest.get(change.kind);
    const keys = keysOf(change);
    this.#keys -= keys.length;
    for (const key of keys) if (newest?.get(key) === change.pos) newest.delete(key);
    // What has been dropped is let go now and then, so that dropping costs the same however many there are.
    if (this.#start > 64 && this.#start * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#start);
      this.#start = 0;
    }
  }
}
