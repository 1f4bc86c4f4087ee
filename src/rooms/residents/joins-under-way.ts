/** Owns which rooms this process is about to enter: one user at a time, and others wait for it. */
import { KeyedTurns } from '#core/keyed-turns.ts';
import type { ReadTx } from '#storage/database.ts';

type Joins = {
  readonly turns: KeyedTurns;
  /** By room id, what ends with the last join that has begun. */
  readonly underWay: Map<string, Promise<void>>;
};

// Per database, because tests open several.
const joinsOf = new WeakMap<ReadTx, Joins>();

/** Runs after the joins of the same room that began before, whatever became of them. */
export async function takeJoinTurn(database: ReadTx, roomId: string, run: () => Promise<void>): Promise<void> {
  const joins = joinsOf.get(database) ?? { turns: new KeyedTurns(), underWay: new Map<string, Promise<void>>() };
  joinsOf.set(database, joins);
  const { promise, resolve } = Promise.withResolvers<void>();
  joins.underWay.set(roomId, promise);
  try {
    await joins.turns.take(roomId, run);
  } finally {
    if (joins.underWay.get(roomId) === promise) joins.underWay.delete(roomId);
    resolve();
  }
}

/** Resolves when no join of the room is under way in this process any more, or after so many milliseconds. */
export async function joinsSettled(database: ReadTx, roomId: string, msMax: number): Promise<void> {
  const underWay = joinsOf.get(database)?.underWay.get(roomId);
  if (underWay === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, msMax);
  });
  await Promise.race([underWay, tooLate]);
  clearTimeout(timer);
}
