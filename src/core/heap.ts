/** Owns a binary heap: the smallest of what is in it, again and again. */

/** A queue that gives its smallest element first. Pushing and taking cost the logarithm of the size. */
export class Heap<T extends object | number | string> {
  readonly #items: T[] = [];
  readonly #isBefore: (left: T, right: T) => boolean;

  constructor(isBefore: (left: T, right: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    const items = this.#items;
    let index = items.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !this.#isBefore(item, parent)) break;
      items[index] = parent;
      index = above;
    }
    items[index] = item;
  }

  /** Removes the smallest element; undefined if there is none. */
  take(): T | undefined {
    const items = this.#items;
    const smallest = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return smallest;
    let index = 0;
    for (;;) {
      const below = this.#smallerBelow(index);
      const child = items[below];
      if (child === undefined || !this.#isBefore(child, last)) break;
      items[index] = child;
      index = below;
    }
    items[index] = last;
    return smallest;
  }

  #smallerBelow(index: number): number {
    const left = 2 * index + 1;
    const first = this.#items[left];
    const second = this.#items[left + 1];
    return first !== undefined && second !== undefined && this.#isBefore(second, first) ? left + 1 : left;
  }
}
