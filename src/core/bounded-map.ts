/** Owns a map with a limit: the least recently used entries leave when it grows over its size. */

export type BoundedMapOptions<K, V> = {
  /** The greatest sum of sizes. Without `sizeOf` every entry has size 1. */
  readonly sizeMax: number;
  /** The size of an entry, asked once, when it is set. */
  readonly sizeOf?: (value: V, key: K) => number;
};

/** A cache in memory. What does not fit by itself is not kept at all; every other entry stays while there is room. */
export class BoundedMap<K, V> {
  // A Map keeps the order of insertion; an entry that is used moves to the end.
  readonly #entries = new Map<K, { readonly value: V; readonly size: number }>();
  readonly #sizeMax: number;
  readonly #sizeOf: (value: V, key: K) => number;
  #size = 0;

  constructor({ sizeMax, sizeOf = () => 1 }: BoundedMapOptions<K, V>) {
    this.#sizeMax = sizeMax;
    this.#sizeOf = sizeOf;
  }

  /** The sum of the sizes of all entries, for metrics. */
  get size(): number {
    return this.#size;
  }

  get count(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** The value, which becomes the most recently used. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: K, value: V): void {
    this.delete(key);
    const size = this.#sizeOf(value, key);
    if (size > this.#sizeMax) return;
    this.#entries.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#sizeMax) break;
      this.delete(oldest);
    }
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#size -= entry.size;
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#size = 0;
  }
}
