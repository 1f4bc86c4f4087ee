/** Owns taking in a state that another server told: checked and kept piece by piece, so that only a piece is in memory. */
import { nextTurn, piecesOf } from '#core/pieces.ts';
import type { Keyring } from '#federation/keyring.ts';
import { persistOutliers, type OutlierParts } from '#rooms/persist-outliers.ts';
import { checkTold } from '#rooms/residents/read-room-state.ts';
import type { ToldState } from '#rooms/residents/told-state.ts';
import type { EventStatus } from '#storage/rooms/event-status.ts';

type Parts = OutlierParts & { readonly federation: { readonly keyring: Pick<Keyring, 'checkEvents'> } };

/** Events that are judged and written in one transaction, and in one turn of the event loop. */
const EVENTS_AT_ONCE = 250;

/**
 * What became of each event, by id; one that is not signed as it must be is not among them. The texts of what was told are
 * forgotten. A failure leaves outliers, which are in nobody's way, and whoever tries again finds them here.
 */
export async function takeInState(parts: Parts, told: ToldState): Promise<ReadonlyMap<string, EventStatus>> {
  const { roomId, version } = told;
  const statuses = new Map<string, EventStatus>();
  const persist = async (events: Awaited<ReturnType<typeof checkTold>>): Promise<void> => {
    for (const [id, status] of await persistOutliers(parts, { roomId, version, events })) statuses.set(id, status);
  };
  let written = Promise.resolve();
  for (const texts of piecesOf(told.inOrder(), EVENTS_AT_ONCE)) {
    const events = await checkTold(parts.federation.keyring, told, texts);
    await written;
    // While the database writes a piece, the next one is checked.
    written = persist(events);
    written.catch(() => undefined);
    await nextTurn();
  }
  await written;
  told.forgetTexts();
  return statuses;
}

/** Whether an event is here now, and permitted by its own auth events. */
export function usableIn(statuses: ReadonlyMap<string, EventStatus>): (eventId: string) => boolean {
  return (id) => {
    const status = statuses.get(id) ?? 'missing';
    return status !== 'missing' && status !== 'rejected_by_auth';
  };
}
