/** Owns a list of many whole numbers of which some are struck out: about sixteen bytes each. */

const SLOTS_MIN = 1_024;

/** Numbers from 1 on, which doubles hold exactly. */
export class StrikeList {
  /** 0 is empty, and a number that is struck out is negative; at most half of the slots are used. */
  #slots = new Float64Array(SLOTS_MIN);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts a number on the list, unless it is there, struck out or not. */
  add(number: number): void {
    const slot = this.#slotOf(number);
    if (this.#slots[slot] === 0) this.#put(slot, number);
  }

  /** Strikes a number out, and adds it for that if need be. False if it was struck out before. */
  strike(number: number): boolean {
    const slot = this.#slotOf(number);
    const found = this.#slots[slot];
    if (found === -number) return false;
    if (found === 0) this.#put(slot, -number);
    else this.#slots[slot] = -number;
    return true;
  }

  /** What is not struck out. The list must not change meanwhile. */
  *left(): Generator<number> {
    for (const number of this.#slots) if (number > 0) yield number;
  }

  #put(slot: number, entry: number): void {
    this.#slots[slot] = entry;
    this.#size++;
    if (this.#size * 2 > this.#slots.length) this.#grow();
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 2);
    for (const entry of old) if (entry !== 0) this.#slots[this.#slotOf(Math.abs(entry))] = entry;
  }

  /** The slot that the number has, or would have. */
  #slotOf(number: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(number) & mask;
    for (;;) {
      const found = this.#slots[slot];
      if (found === 0 || found === number || found === -number) return slot;
      slot = (slot + 1) & mask;
    }
  }
}

/** Numbers that follow each other are spread out, and those beyond 32 bits too. */
function hashOf(number: number): number {
  const mixed = Math.imul(number | 0, 0x9e3779b1) ^ Math.imul(Math.floor(number / 0x1_0000_0000), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
