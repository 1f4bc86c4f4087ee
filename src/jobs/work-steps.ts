/** Owns the list of the kinds of work, each with what does it. */
import type { WorkStep } from '#jobs/work-runner.ts';
import type { Logger } from '#core/logger.ts';
import type { CollectionPayload } from '#rooms/collection/ask-for-collection.ts';
import { createStateCollector } from '#rooms/collection/state-collector.ts';
import { removeSomeGuests, type GuestRemovalPayload } from '#rooms/guests/remove-guests.ts';
import { leaveSomeRooms } from '#rooms/leave-all-rooms.ts';
import { propagateProfile } from '#rooms/propagate-profile.ts';
import { purgeSomeOfRoom, type PurgePayload } from '#rooms/purge/purge-room.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import type { WorkKind } from '#storage/work-items.ts';
import type { DeactivationPayload } from '#users/deactivate-account.ts';
import type { ProfileChangePayload } from '#users/profile.ts';
import { announceDevices, type AnnouncementPayload } from '#users/remote/announce-devices.ts';
import type { ResyncPayload } from '#users/remote/ask-for-resync.ts';
import type { RemoteKeysParts } from '#users/remote/query-remote-keys.ts';
import { resyncDeviceList } from '#users/remote/resync-device-list.ts';

/** Before a list is asked for again that changed while it was asked for. */
const RESYNC_PAUSE_MS = 1_000;

/** What asks for work says what its payload is; whoever changes a payload must still read the old one. */
export function createWorkSteps(
  parts: ResidentParts & RemoteKeysParts & { readonly logger: Logger },
): Readonly<Record<WorkKind, WorkStep>> {
  const collectSome = createStateCollector(parts);
  return {
    account_deactivated: async (payload) => {
      const asked: DeactivationPayload = JSON.parse(payload);
      const afterNid = await leaveSomeRooms(parts, asked, asked.afterNid);
      return afterNid === undefined ? undefined : JSON.stringify({ ...asked, afterNid });
    },
    guest_access_ended: async (payload) => {
      const asked: GuestRemovalPayload = JSON.parse(payload);
      const afterNid = await removeSomeGuests(parts, asked);
      return afterNid === undefined ? undefined : JSON.stringify({ ...asked, afterNid });
    },
    device_list_resync: async (payload) => {
      const asked: ResyncPayload = JSON.parse(payload);
      return (await resyncDeviceList(parts, asked)) ? undefined : { payload, pauseMs: RESYNC_PAUSE_MS };
    },
    devices_shared: async (payload) => {
      const asked: AnnouncementPayload = JSON.parse(payload);
      await announceDevices(parts, asked);
      return undefined;
    },
    profile_changed: async (payload) => {
      const asked: ProfileChangePayload = JSON.parse(payload);
      const afterNid = await propagateProfile(parts, asked, asked.afterNid);
      return afterNid === undefined ? undefined : JSON.stringify({ ...asked, afterNid });
    },
    room_purge: async (payload) => {
      const asked: PurgePayload = JSON.parse(payload);
      const next = await purgeSomeOfRoom(parts, asked);
      if (next === undefined) return undefined;
      const text = JSON.stringify(next.payload);
      return next.pauseMs === 0 ? text : { payload: text, pauseMs: next.pauseMs };
    },
    state_collection: async (payload) => {
      const asked: CollectionPayload = JSON.parse(payload);
      return (await collectSome(asked)) ? payload : undefined;
    },
  };
}
