/** Owns what stands around an event that was found, and who the senders were at the time. */
import { compileEventFilter } from '#rooms/event-filter.ts';
import { findReadableEnd } from '#rooms/find-page-position.ts';
import { contentOf, findStateEvents, type TypeAndKey } from '#rooms/find-room-state.ts';
import { formatPageToken } from '#rooms/page-token.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import { scanTimeline } from '#rooms/scan-timeline.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';

export type Surroundings = {
  /** Newest first. */
  readonly before: readonly StoredEvent[];
  /** Oldest first. */
  readonly after: readonly StoredEvent[];
  readonly start: string;
  readonly end: string;
};

/** What the user may see around the event; nothing of users whom they ignore but state. */
export async function findSurroundings(
  parts: RoomReadParts & { readonly ignoredUsers: IgnoredUsers },
  user: RoomUser,
  reader: RoomReader,
  event: StoredEvent,
  limits: { readonly before: number; readonly after: number },
): Promise<Surroundings> {
  const { roomNid, roomId } = reader.room;
  const { roomOrder } = event;
  const matches = compileEventFilter({}, roomId, await parts.ignoredUsers.find(user.userNid));
  const ceiling = reader.kind === 'left' ? await findReadableEnd(parts, reader) : Number.MAX_SAFE_INTEGER;
  const [older, newer] = await Promise.all([
    scanTimeline(parts, user, reader, {
      from: Number.MIN_SAFE_INTEGER,
      before: roomOrder,
      direction: 'b',
      limit: limits.before,
      matches,
    }),
    scanTimeline(parts, user, reader, {
      from: roomOrder + 1,
      before: ceiling,
      direction: 'f',
      limit: limits.after,
      matches,
    }),
  ]);
  return {
    before: older.chunk,
    after: newer.chunk,
    start: formatPageToken({ roomNid, order: older.next ?? older.chunk.at(-1)?.roomOrder ?? roomOrder }),
    end: formatPageToken({ roomNid, order: newer.next ?? (newer.chunk.at(-1)?.roomOrder ?? roomOrder) + 1 }),
  };
}

export type PastProfile = { readonly displayname?: string; readonly avatar_url?: string };

/** The names of the senders as they were at the event. */
export async function findPastProfiles(
  parts: RoomReadParts,
  reader: RoomReader,
  event: StoredEvent,
  senders: readonly string[],
): Promise<Readonly<Record<string, PastProfile>>> {
  const keys = [...new Set(senders)].map((sender): TypeAndKey => ['m.room.member', sender]);
  const members = await findStateEvents(parts, reader.room.roomNid, event.stateBefore ?? reader.root, keys);
  return Object.fromEntries(
    members.map((member) => {
      const { displayname, avatar_url: avatarUrl } = contentOf(member, reader.room.version);
      const profile: PastProfile = {
        ...(typeof displayname === 'string' && { displayname }),
        ...(typeof avatarUrl === 'string' && { avatar_url: avatarUrl }),
      };
      return [member.stateKey ?? '', profile];
    }),
  );
}
