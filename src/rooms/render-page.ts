/** Owns what the events of a page are shown with, besides themselves: what they replaced, and what relates to them. */
import { findMembershipOf } from '#rooms/event-membership.ts';
import { selectVisible } from '#rooms/event-visibility.ts';
import { findReadableEnd } from '#rooms/find-page-position.ts';
import { bundleRelations, type BundleReader } from '#rooms/relations/bundle-relations.ts';
import { findReplaced, renderEvent, type RenderOptions } from '#rooms/render-events.ts';
import type { RoomRenderParts, RoomUser } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';

/** The texts of the events, in their order, as this reader of their room gets them. */
export async function renderPage(
  parts: RoomRenderParts,
  user: RoomUser & { readonly deviceNid: number },
  reader: RoomReader,
  events: readonly StoredEvent[],
): Promise<string[]> {
  const options = await optionsOfPage(parts, user, reader, events);
  return events.map((event) => renderEvent(event, options));
}

/** Reads all that rendering these events takes, in a number of queries that does not depend on theirs. */
export async function optionsOfPage(
  parts: RoomRenderParts,
  user: RoomUser & { readonly deviceNid: number },
  reader: RoomReader,
  events: readonly StoredEvent[],
): Promise<RenderOptions> {
  const { roomId, version } = reader.room;
  const membershipOf = await findMembershipOf(parts, user, reader, events);
  const { erasedPosOf } = parts.erasedUsers;
  const now = parts.clock.now();
  const options: RenderOptions = { roomId, deviceNid: user.deviceNid, now, version, membershipOf, erasedPosOf };
  const [replaced, relations] = await Promise.all([
    findReplaced(parts, events, version),
    findRelations(parts, user, reader, events, options),
  ]);
  return { ...options, replaced, relations };
}

async function findRelations(
  parts: RoomRenderParts,
  user: RoomUser,
  reader: RoomReader,
  events: readonly StoredEvent[],
  options: RenderOptions,
): Promise<ReadonlyMap<string, string>> {
  const before = reader.kind === 'left' ? await findReadableEnd(parts, reader) : Number.MAX_SAFE_INTEGER;
  const parents = events.map(({ eventId, stateKey, redaction }) => ({
    eventId,
    stateKey,
    isRedacted: redaction !== undefined,
    before,
  }));
  const bundleReader: BundleReader = {
    userNid: user.userNid,
    ignored: await parts.ignoredUsers.find(user.userNid),
    optionsOf: () => options,
    selectVisible: (children) => selectVisible(parts, user, reader, children),
  };
  return bundleRelations(parts.database, bundleReader, parents);
}
