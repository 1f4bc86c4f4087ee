/** Owns what the verbs of rooms are given: parts of one running server. */
import type { Clock } from '#core/clock.ts';
import type { PersistEvents } from '#rooms/persist-request.ts';
import type { Database } from '#storage/database.ts';
import type { ErasedUsers } from '#users/erased-users.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';

/** What reading takes. */
export type RoomReadParts = { readonly database: Database; readonly tries: StateTries };

/**
 * What rendering takes besides: ages are told by the clock, what erased users sent is not told to newcomers, and what
 * ignored users sent counts for nothing.
 */
export type RoomRenderParts = RoomReadParts & {
  readonly clock: Clock;
  readonly erasedUsers: Pick<ErasedUsers, 'erasedPosOf'>;
  readonly ignoredUsers: IgnoredUsers;
};

/** What writing takes. */
export type RoomWriteParts = RoomReadParts & {
  readonly persistEvents: PersistEvents;
  readonly isLocal: (id: string) => boolean;
};

/** A user of this server who asks. */
export type RoomUser = { readonly userId: string; readonly userNid: number };
