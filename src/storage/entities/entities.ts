/** Owns the list of all entities, and the types of all tables that follow from it. */
import type { InferKyselyDB } from '@mikro-orm/postgresql';
import type { Selectable } from 'kysely';
import {
  rooms,
  stateKeys,
  events,
  eventJson,
  eventEdges,
  eventAuth,
  roomHeads,
  stateNodes,
  redactions,
  gaps,
  partialRooms,
  replayKeys,
} from '#storage/entities/event-graph.ts';
import { membershipLog, userRooms, roomSummary, strippedSnapshots } from '#storage/entities/room-members.ts';
import {
  users,
  accounts,
  profiles,
  devices,
  accessTokens,
  registrationTokens,
  uiaSessions,
  filters,
} from '#storage/entities/accounts.ts';
import {
  accountData,
  receipts,
  toDeviceMessages,
  deviceListChanges,
  typing,
  presence,
  slidingConnections,
} from '#storage/entities/user-streams.ts';
import {
  destinations,
  destinationRooms,
  eventDestinations,
  outgoingTransactions,
  inboundStaging,
  inboundTransactions,
  serverKeys,
  appservices,
  pushers,
  pushCursors,
  notifications,
  leases,
  workItems,
} from '#storage/entities/delivery.ts';
import { localServers, signingKeys, tokenEpochs, serverSecrets } from '#storage/entities/server-identity.ts';

export const entities = [
  rooms,
  stateKeys,
  events,
  eventJson,
  eventEdges,
  eventAuth,
  roomHeads,
  stateNodes,
  redactions,
  gaps,
  partialRooms,
  replayKeys,
  membershipLog,
  userRooms,
  roomSummary,
  strippedSnapshots,
  users,
  accounts,
  profiles,
  devices,
  accessTokens,
  registrationTokens,
  uiaSessions,
  filters,
  accountData,
  receipts,
  toDeviceMessages,
  deviceListChanges,
  typing,
  presence,
  slidingConnections,
  destinations,
  destinationRooms,
  eventDestinations,
  outgoingTransactions,
  inboundStaging,
  inboundTransactions,
  serverKeys,
  appservices,
  pushers,
  pushCursors,
  notifications,
  leases,
  workItems,
  localServers,
  signingKeys,
  tokenEpochs,
  serverSecrets,
];

/**
 * All tables, for `Kysely<Tables>`. Entities are named like their tables and properties like their columns, so that SQL,
 * Kysely and the entity manager say the same word for the same thing, and nothing is renamed on the way.
 */
export type Tables = InferKyselyDB<
  (typeof entities)[number],
  { tableNamingStrategy: 'entity'; columnNamingStrategy: 'property' }
>;

/** What a query that selects a whole row of this table answers. */
export type Row<Table extends keyof Tables> = Selectable<Tables[Table]>;
