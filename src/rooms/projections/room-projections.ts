/** Owns the list of the projections of rooms, in the order in which they run. */
import type { Clock } from '#core/clock.ts';
import type { Projection } from '#rooms/persist/projection.ts';
import { earlyRedactions } from '#rooms/projections/early-redactions.ts';
import { eventDestinations } from '#rooms/projections/event-destinations.ts';
import { guestAccess } from '#rooms/projections/guest-access.ts';
import { partialRooms } from '#rooms/projections/partial-rooms.ts';
import { redactedSummaries } from '#rooms/projections/redacted-summaries.ts';
import { redactions } from '#rooms/projections/redactions.ts';
import { remoteMembers } from '#rooms/projections/remote-members.ts';
import { roomServers } from '#rooms/projections/room-servers.ts';
import { roomSummaries } from '#rooms/projections/room-summaries.ts';
import { sharedDevices } from '#rooms/projections/shared-devices.ts';
import { strippedSnapshots } from '#rooms/projections/stripped-snapshots.ts';
import type { Interned } from '#storage/interned.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';

export function roomProjections(parts: {
  readonly interned: Interned;
  readonly tries: StateTries;
  readonly clock: Clock;
  readonly isLocal: (id: string) => boolean;
}): Projection[] {
  const redacting = redactions(parts);
  // Summaries that are rebuilt ask which events are redacted, so that redactions come before them.
  return [
    redacting,
    earlyRedactions,
    roomSummaries(parts),
    strippedSnapshots(parts),
    redactedSummaries(parts, redacting),
    guestAccess(parts),
    roomServers(parts),
    partialRooms(parts),
    remoteMembers(parts),
    sharedDevices(parts),
    eventDestinations(parts),
  ];
}
