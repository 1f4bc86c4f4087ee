/** Owns what a sync is asked and what it answers with. */
import type { Clock } from '#core/clock.ts';
import type { Database } from '#storage/database.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import type { Streams } from '#streams/streams.ts';
import type { StreamPositions } from '#streams/sync-token.ts';
import type { ErasedUsers } from '#users/erased-users.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';
import type { UnreadCounts } from '#sync/unread/unread-counts.ts';
import type { SyncFilter } from '#sync/sync-filter.ts';

export type SyncParts = {
  readonly database: Database;
  readonly tries: StateTries;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly ignoredUsers: IgnoredUsers;
  readonly erasedUsers: Pick<ErasedUsers, 'erasedPosOf'>;
  readonly config: { readonly presence: { readonly enabled: boolean } };
  readonly unreadCounts: UnreadCounts;
  readonly isLocal: (id: string) => boolean;
};

export type SyncRequest = {
  readonly userNid: number;
  readonly userId: string;
  readonly deviceNid: number;
  /** Positions of the client's token, at most the horizons; undefined in an initial sync. */
  readonly since: StreamPositions | undefined;
  readonly filter: SyncFilter;
  readonly fullState: boolean;
  /** The key of the state at the end of the timeline; undefined for that at its start. */
  readonly stateAfterName: 'state_after' | 'org.matrix.msc4222.state_after' | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** What is collected: everything after `since` and up to the horizons. */
export type SyncWindow = SyncRequest & { readonly horizons: StreamPositions };
