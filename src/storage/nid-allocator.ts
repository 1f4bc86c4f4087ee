/** Owns numeric ids that are known before the row is written: blocks of a thousand from one sequence. */
import { statement, type ReadTx } from '#storage/database.ts';

const blockSize = 1000;
const nextBlock = statement<{ first: number }>('next_nid_block', `select nextval('nid_blocks') as first`);

export type NidAllocator = {
  /** Runs `use`, which may take up to `count` ids, in the very turn in which there are that many. */
  reserve<T>(count: number, use: () => T): Promise<T>;
  /** The next id; only within `use` of `reserve`. Unused ids are lost, which costs nothing. */
  take(): number;
};

/** Events, rooms and state nodes share the sequence, so no two of them ever have the same id. */
export function createNidAllocator(database: ReadTx): NidAllocator {
  const blocks: { next: number; end: number }[] = [];
  let available = 0;
  let fetching: Promise<void> | undefined;
  const fetch = async (): Promise<void> => {
    const [row] = await database.query(nextBlock, []);
    if (row === undefined) throw new Error('The sequence nid_blocks gave no row.');
    blocks.push({ next: row.first, end: row.first + blockSize });
    available += blockSize;
  };
  const fetchOnce = (): Promise<void> => (fetching ??= fetch().finally(() => (fetching = undefined)));
  return {
    async reserve(count, use) {
      for (let missing = count - available; missing > 0; missing = count - available) await fetchOnce();
      // The next block is fetched before this one is used up, so that a busy server never waits for one.
      if (available - count < blockSize / 2) void fetchOnce().catch(() => undefined);
      return use();
    },
    take() {
      const block = blocks[0];
      if (block === undefined) throw new Error('reserve() was not awaited.');
      const nid = block.next++;
      available--;
      if (block.next === block.end) blocks.shift();
      return nid;
    },
  };
}
