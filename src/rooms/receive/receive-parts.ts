/** Owns what taking in other servers' events is given: parts of one running server. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { FederationClient } from '#federation/federation-client.ts';
import type { Keyring } from '#federation/keyring.ts';
import type { RoomWriteParts } from '#rooms/room-parts.ts';
import type { Interned } from '#storage/interned.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import type { Streams } from '#streams/streams.ts';

export type ReceiveLimits = {
  /** How many events of one server may wait. */
  readonly inboundEventsMax: number;
  /** The bytes of the events that a process holds while it works on them. */
  readonly inboundBytesMax: number;
  /** How many transactions of one server are taken at the same time. */
  readonly inboundTransactionsMax: number;
  /** In how many rooms missing events are fetched at the same time. */
  readonly gapsAtOnceMax: number;
};

export type ReceiveParts = RoomWriteParts & {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly interned: Interned;
  readonly nids: NidAllocator;
  readonly streams: Pick<Streams, 'committed'>;
  readonly federation: { readonly client: FederationClient; readonly keyring: Keyring };
  readonly limits: ReceiveLimits;
};

/** What fetching what is missing takes of that. */
export type GapParts = Omit<ReceiveParts, 'limits'>;
