/** Owns what every endpoint is given: the parts of one running server, made by `server.ts`. */
import type { Config } from '#config/schema.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { Federation } from '#federation/federation.ts';
import type { FederationSender } from '#federation/sender/sender.ts';
import type { OwnKeys } from '#matrix/server-keys.ts';
import type { PushRulesOf } from '#notifications/push-rules/rules-cache.ts';
import type { Backfiller } from '#rooms/backfill/backfiller.ts';
import type { PartialRooms } from '#rooms/partial/partial-rooms.ts';
import type { PersistEvents } from '#rooms/persist-request.ts';
import type { Receiver } from '#rooms/receive/receive-transaction.ts';
import type { RemoteRooms } from '#rooms/spaces/remote-rooms.ts';
import type { SearchIndexer } from '#rooms/search/index-events.ts';
import type { Database } from '#storage/database.ts';
import type { Interned } from '#storage/interned.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import type { Presence } from '#streams/presence.ts';
import type { Streams } from '#streams/streams.ts';
import type { UnreadCounts } from '#sync/unread/unread-counts.ts';
import type { Authenticator } from '#users/authenticate.ts';
import type { ErasedUsers } from '#users/erased-users.ts';
import type { ClaimLimits } from '#users/keys/claim-limits.ts';
import type { PasswordAttempts } from '#users/password-attempts.ts';
import type { RemoteProfiles } from '#users/remote/remote-profiles.ts';
import type { DeviceRemoval } from '#users/remove-devices.ts';

import type { Deliveries } from '#users/deliveries.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';

export type Context = {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly database: Database;
  readonly tries: StateTries;
  readonly interned: Interned;
  readonly nids: NidAllocator;
  readonly streams: Streams;
  readonly ignoredUsers: IgnoredUsers;
  readonly pushRulesOf: PushRulesOf;
  readonly unreadCounts: UnreadCounts;
  readonly deliveries: Deliveries;
  readonly presence: Presence;
  readonly persistEvents: PersistEvents;
  readonly searchIndexer: SearchIndexer;
  /** Which rooms lack members still. */
  readonly partialRooms: PartialRooms;
  /** Says, after the commit, that a room may have been entered that lacks members. */
  readonly roomEntered: () => void;
  /** Other servers: asking them, and believing them. */
  readonly federation: Federation;
  /** Takes in what other servers send. */
  readonly receiver: Receiver;
  /** Undefined for a server that does not federate. */
  readonly federationSender: FederationSender | undefined;
  /** Fetches history that other servers have. */
  readonly backfiller: Backfiller;
  readonly remoteProfiles: RemoteProfiles;
  readonly remoteRooms: RemoteRooms;
  /** Whether this server is the home of the user, room alias or server name. Several names stay possible. */
  readonly isLocal: (id: string) => boolean;
  readonly ownKeys: OwnKeys;
  /** The URLs at which this process serves the client API; empty until it listens. */
  readonly addresses: () => readonly string[];
  readonly authenticator: Authenticator;
  readonly passwordAttempts: PasswordAttempts;
  readonly claimLimits: ClaimLimits;
  readonly erasedUsers: ErasedUsers;
  /** What other folders than `users` have of devices, and delete with them. */
  readonly deviceRemovals: readonly DeviceRemoval[];
  /** Says, after the commit, that work was asked for. */
  readonly workWaiting: () => void;
};
