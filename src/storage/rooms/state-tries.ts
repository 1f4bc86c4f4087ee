/** Owns room states: immutable tries of (state key → event) whose versions share what they have in common. */
import type { ReadTx } from '#storage/database.ts';

/** A state: the nid of its trie's root node. 0 is the empty state. */
export type StateRoot = number;

export type StateChange = {
  readonly keyNid: number;
  readonly before: number | undefined;
  readonly after: number | undefined;
};

export type StateTries = {
  /** The event under a key (`state_keys.key_nid`), or undefined. */
  find(db: ReadTx, roomNid: number, root: StateRoot, keyNid: number): Promise<number | undefined>;
  /** All entries, in no particular order: pairs of key nid and event nid. */
  entries(
    db: ReadTx,
    roomNid: number,
    root: StateRoot,
  ): Promise<readonly (readonly [keyNid: number, eventNid: number])[]>;
  /** What differs between two states; reads only the nodes that differ. */
  diff(db: ReadTx, roomNid: number, before: StateRoot, after: StateRoot): Promise<readonly StateChange[]>;
};
