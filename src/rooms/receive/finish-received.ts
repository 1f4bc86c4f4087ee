/** Owns the end of a received event's work, and telling so those that were put off for want of it. */
import type { Received } from '#rooms/receive/persist-received.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import { finishStaged } from '#storage/rooms/inbound-staging.ts';

/** After something has come that an event lacked: mostly the rest comes with it, and one attempt is enough. */
const AWAITED_MS = 1_000;

export type Finished = {
  /** Of an event that is staged. */
  readonly stagingNid?: number;
  readonly eventId: string;
  readonly outcome: Received;
};

/**
 * Nothing more is done for these events of one room. Whichever process put off an event that lacked one of them takes it up
 * soon.
 */
export async function finishReceived(
  { database, clock }: Pick<ReceiveParts, 'database' | 'clock'>,
  roomId: string,
  finished: readonly Finished[],
): Promise<void> {
  await finishStaged(database, {
    roomId,
    stagingNids: finished.flatMap(({ stagingNid }) => stagingNid ?? []),
    eventIds: finished.filter(isHere).map(({ eventId }) => eventId),
    dueAt: clock.now() + AWAITED_MS,
  });
}

function isHere({ outcome }: Finished): boolean {
  return outcome.kind === 'done' && outcome.status !== 'refused';
}

/** The same for events of which this process has heard that they are here already. */
export async function wakeWaiting(
  { database, clock }: Pick<ReceiveParts, 'database' | 'clock'>,
  roomId: string,
  eventIds: readonly string[],
): Promise<void> {
  await finishStaged(database, { roomId, stagingNids: [], eventIds, dueAt: clock.now() + AWAITED_MS });
}
