/** Owns who types where, and that it ends. Specification: Client-Server API, "Typing Notifications". */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { ReadTx } from '#storage/database.ts';
import { extendTyping, findNextExpiry, lockExpiredTypists, lockWhetherTyping } from '#storage/streams/typing.ts';
import type { Streams } from '#streams/streams.ts';

/** How late the end of typing is noticed. */
const SWEEP_MS = 500;
const EXPIRED_MAX = 500;

type Typing = { readonly roomNid: number; readonly userNid: number };
type Parts = { readonly streams: Pick<Streams, 'write'>; readonly clock: Clock };

/** The user types for so long, unless they go on; whoever types already is not told of anew. */
export async function startTyping({ streams, clock }: Parts, typing: Typing, timeoutMs: number): Promise<void> {
  await streams.write('ephemeral', async (tx) => {
    const now = clock.now();
    const row = { ...typing, expiresAt: now + timeoutMs, isTyping: true };
    if (!(await extendTyping(tx, row, now))) tx.add({ typing: [row] });
  });
}

export async function stopTyping({ streams, clock }: Parts, typing: Typing): Promise<void> {
  await streams.write('ephemeral', async (tx) => {
    const isTyping = await lockWhetherTyping(tx, typing.roomNid, typing.userNid);
    if (isTyping) tx.add({ typing: [{ ...typing, expiresAt: clock.now(), isTyping: false }] });
  });
}

/**
 * Ends typing whose time is over, in every process, as the one that it was said to may be gone. The database is asked
 * only while somebody types.
 */
export function startTypingSweep(parts: {
  readonly database: ReadTx;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly logger: Logger;
}): AsyncDisposable {
  const { database, streams, clock, logger } = parts;
  let seen = -1;
  let nextExpiry: number | undefined;
  let running: Promise<void> | undefined;
  const sweep = async (): Promise<void> => {
    const { horizon } = streams.ephemeral;
    if (nextExpiry !== undefined && nextExpiry <= clock.now()) await endExpired(streams, clock);
    nextExpiry = await findNextExpiry(database);
    seen = horizon;
  };
  const tick = (): void => {
    const isDue = nextExpiry !== undefined && nextExpiry <= clock.now();
    if (running !== undefined || (!isDue && seen === streams.ephemeral.horizon)) return;
    running = sweep()
      .catch((error: unknown) => logger.warn({ err: error }, 'the end of typing could not be noted'))
      .finally(() => (running = undefined));
  };
  const timer = setInterval(tick, SWEEP_MS).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}

async function endExpired(streams: Streams, clock: Clock): Promise<void> {
  await streams.write('ephemeral', async (tx) => {
    const now = clock.now();
    const expired = await lockExpiredTypists(tx, now, EXPIRED_MAX);
    tx.add({ typing: expired.map((typist) => ({ ...typist, expiresAt: now, isTyping: false })) });
  });
}
