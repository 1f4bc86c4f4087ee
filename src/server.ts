/** Owns the composition of a server: every part is made here, handed to those that need it, and ended in reverse order. */
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { Registry } from 'prom-client';
import { endpoints } from '#api/endpoints.ts';
import type { Config } from '#config/schema.ts';
import type { Context } from '#context.ts';
import { systemClock, type Clock } from '#core/clock.ts';
import { createLogger, type Logger } from '#core/logger.ts';
import { processStatus, type ProcessStatus } from '#core/process-status.ts';
import { createRecentErrors } from '#core/recent-errors.ts';
import { StartError } from '#core/start-error.ts';
import { ensureIdentity } from '#federation/ensure-identity.ts';
import { createFederation } from '#federation/federation.ts';
import { registerSenderMetrics } from '#federation/sender/metrics.ts';
import { FederationSender } from '#federation/sender/sender.ts';
import { listenTls } from '#http/listen-tls.ts';
import { listen, ListenError, type Listening, type ListenOptions } from '#http/listen.ts';
import { createLoadMetrics } from '#http/load-metrics.ts';
import { mount, type HttpSeams } from '#http/mount.ts';
import { createOperationsListener } from '#http/operations-listener.ts';
import { createSweepMetrics, createSweepTasks } from '#jobs/sweep-tasks.ts';
import { startSweeper } from '#jobs/sweeper.ts';
import { startWorkRunner } from '#jobs/work-runner.ts';
import { createWorkSteps } from '#jobs/work-steps.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { createPushRulesOf } from '#notifications/push-rules/rules-cache.ts';
import { createEventPersister, type EventPersister, type PersistParts } from '#rooms/persist-event.ts';
import { createRemoteRooms } from '#rooms/spaces/remote-rooms.ts';
import { createBackfiller } from '#rooms/backfill/backfiller.ts';
import { awaitingMembers } from '#rooms/partial/await-members.ts';
import { startCompleter } from '#rooms/partial/completer.ts';
import { openPartialRooms } from '#rooms/partial/partial-rooms.ts';
import { createReceiver } from '#rooms/receive/receive-transaction.ts';
import { startSearchIndexer } from '#rooms/search/index-events.ts';
import { askForPurge } from '#rooms/purge/ask-for-purge.ts';
import { rebuildRoom } from '#rooms/rebuild-room.ts';
import { roomProjections } from '#rooms/projections/room-projections.ts';
import { findDatabaseStatus, type DatabaseStatus } from '#storage/database-status.ts';
import { openDatabase, ping, type Database } from '#storage/database.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';
import { createInterned } from '#storage/interned.ts';
import { migrate } from '#storage/migrations.ts';
import { startMigrator } from '#storage/migrator.ts';
import { createNidAllocator } from '#storage/nid-allocator.ts';
import { findNewestReports, type StoredReport } from '#storage/rooms/find-reports.ts';
import { createStateTries } from '#storage/rooms/state-tries.ts';
import { openStreams, type Streams } from '#streams/streams.ts';
import { createPresence, noPresence } from '#streams/presence.ts';
import { startTypingSweep } from '#streams/typing.ts';
import { registerWakeUpMetrics } from '#streams/wake-ups/metrics.ts';
import type { WakeUpStatus } from '#streams/wake-ups/notifier.ts';
import { redisCarrier } from '#streams/wake-ups/redis-carrier.ts';
import { createAuthenticator } from '#users/authenticate.ts';
import { createDeliveries } from '#users/deliveries.ts';
import { createUnreadCounts } from '#sync/unread/unread-counts.ts';
import { createIgnoredUsers } from '#users/ignored-users.ts';
import { createClaimLimits } from '#users/keys/claim-limits.ts';
import { forgetOneTimeKeys } from '#users/keys/forget-one-time-keys.ts';
import { createRemoteProfiles } from '#users/remote/remote-profiles.ts';
import { createAccount } from '#users/create-account.ts';
import { openErasedUsers } from '#users/erased-users.ts';
import { createPasswordAttempts } from '#users/password-attempts.ts';
import { deviceListEdus } from '#users/remote/device-list-edus.ts';
import { toDeviceEdus } from '#users/remote/to-device-edus.ts';
import { ensureRegistrationToken } from '#users/registration-tokens.ts';
import { findSetUpToken } from '#users/set-up.ts';

export type Server = AsyncDisposable & {
  /** Where the Matrix API is, as this machine reaches it. */
  readonly url: string;
  /** The same for other machines of the local network, when that was asked for. */
  readonly lanUrl?: string;
  /** What the link of the set-up page carries, until there is an account. */
  readonly setUpToken?: string;
  /** With which people register, when registration goes by token. */
  readonly registrationToken?: string;
};

export type StartOptions = {
  /** Listens on this machine's address in the local network too, on the same port. */
  readonly lan?: boolean;
};

const READY_MS = 2_000;

/**
 * Starts everything that the configuration asks for and resolves when requests are answered. Throws a `StartError` with
 * the remedy, or the error of an address that cannot be listened on.
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<Server> {
  await using starting = new AsyncDisposableStack();
  const clock = systemClock;
  const errors = createRecentErrors();
  const logger = createLogger(config.log.level, (message) => errors.note({ at: clock.now(), message }));
  // A new data directory will need migrations: their process loads while PostgreSQL is set up.
  using migrator = isNewDirectory(config) ? startMigrator() : undefined;
  const address = await openAddress(config, clock, logger, starting);
  await migrate(address, migrator);
  const database = starting.use(openDatabase(address, { ...config.database, logger }));
  const metrics = new Registry();
  const addresses: string[] = [];
  const { context, persister } = await createContext(config, clock, logger, database, starting, () => addresses);
  const registrationToken =
    config.registration.mode === 'token' ? await ensureRegistrationToken({ database, clock, config }) : undefined;
  const sweeping = { database, clock, logger, metrics: createSweepMetrics(metrics) };
  starting.use(startSweeper(sweeping, createSweepTasks(database, config.retention)));
  if (config.metrics.listen !== undefined) {
    const checkReady = async (): Promise<void> => {
      await database.query(ping, []);
      const stuckMs = persister.stuckMs();
      if (stuckMs > READY_MS) throw new Error(`nothing could be written to the database for ${Math.round(stuckMs)} ms`);
    };
    const startedAt = clock.now();
    const wakeUps = (): WakeUpStatus => context.streams.wakeUps;
    const status = (): ProcessStatus =>
      processStatus({ startedAt, addresses, errors: errors.list(), wakeUps: wakeUps() });
    registerWakeUpMetrics(metrics, wakeUps);
    if (context.federationSender !== undefined) registerSenderMetrics(metrics, context.federationSender);
    const listener = createOperationsListener({ checkReady, readyMs: READY_MS, metrics, status });
    starting.use(await listenOn(listen, { ...config.metrics.listen, listener }));
  }
  const { listener, abortRequests, loads } = mount(endpoints, context, httpSeams(context, metrics));
  createLoadMetrics(metrics, [
    ...loads,
    database.load,
    ...persister.loads,
    ...context.streams.loads,
    ...context.federation.loads,
    ...context.receiver.loads,
  ]);
  const api = { listener, onStop: abortRequests };
  const { listen: tlsAddress, certificate, key } = config.tls;
  if (tlsAddress !== undefined && certificate !== undefined && key !== undefined) {
    const files = { certificate, key };
    starting.use(await listenOn(listenTls, { ...tlsAddress, ...api, files, logger }));
  }
  const listening = starting.use(await listenOn(listen, { ...config.listen, ...api }));
  const url = urlOf(listening);
  const lanHost = options.lan === true ? requireLanHost() : undefined;
  const isLanCovered = config.listen.host === '0.0.0.0' || config.listen.host === lanHost;
  if (lanHost !== undefined && !isLanCovered) {
    starting.use(await listenOn(listen, { host: lanHost, port: listening.port, ...api }));
  }
  const lanUrl = lanHost === undefined ? undefined : `http://${lanHost}:${listening.port}`;
  addresses.push(...[config.publicUrl, url, lanUrl].filter((each) => each !== undefined));
  const setUpToken = await findSetUpToken(database);
  const running = starting.move();
  return {
    url,
    ...(lanUrl === undefined ? {} : { lanUrl }),
    ...(setUpToken === undefined ? {} : { setUpToken }),
    ...(registrationToken === undefined ? {} : { registrationToken }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function isNewDirectory({ database, dataDir }: Config): boolean {
  return database.url === undefined && !existsSync(dataDir);
}

/** Brings a database to this program's schema; resolves with the names of the migrations that were run. */
export function migrateDatabase(config: Config, address: DatabaseAddress): Promise<readonly string[]> {
  return migrate(address);
}

/** What the database holds, for the operator: it is read, and neither migrated nor changed. */
export async function readDatabaseStatus(config: Config, address: DatabaseAddress): Promise<DatabaseStatus> {
  await using database = openDatabase(address, { poolSize: 1, logger: createLogger('warn') });
  return await findDatabaseStatus(database);
}

/** Creates an account from the command line, in a database that need not have been migrated yet. */
export async function createLocalAccount(
  config: Config,
  address: DatabaseAddress,
  account: { readonly localpart: string; readonly password: string; readonly admin: boolean },
): Promise<{ readonly userId: string }> {
  const logger = createLogger(config.log.level);
  await migrate(address);
  await using database = openDatabase(address, { poolSize: 2, logger });
  await ensureIdentity(config, systemClock, database);
  return await createAccount({ database, clock: systemClock, config }, account);
}

/** Makes a room's projections anew, whether or not a server is running. Throws a MatrixError for an unknown room. */
export async function rebuildStoredRoom(config: Config, address: DatabaseAddress, roomId: string): Promise<void> {
  await migrate(address);
  await using database = openDatabase(address, { poolSize: 2, logger: createLogger(config.log.level) });
  const { secret } = await ensureIdentity(config, systemClock, database);
  const interned = createInterned(database);
  const tries = createStateTries({ nids: createNidAllocator(database), secret });
  const isLocal = localityOf(config);
  const projections = roomProjections({ interned, tries, clock: systemClock, isLocal });
  await rebuildRoom({ database, projections }, roomId);
}

/**
 * Asks for the removal of a room, which the running server, or the next one, does in the background. Throws a MatrixError
 * for an unknown room, and unless `isForced` for one in which users of this server are.
 */
export async function purgeStoredRoom(
  config: Config,
  address: DatabaseAddress,
  asked: { readonly roomId: string; readonly isForced: boolean },
): Promise<void> {
  await migrate(address);
  await using database = openDatabase(address, { poolSize: 1, logger: createLogger(config.log.level) });
  await askForPurge({ database, clock: systemClock }, asked);
}

/** The newest of what users have reported, for the command line. */
export async function findReports(
  config: Config,
  address: DatabaseAddress,
  limit: number,
): Promise<readonly StoredReport[]> {
  await migrate(address);
  await using database = openDatabase(address, { poolSize: 1, logger: createLogger(config.log.level) });
  return await findNewestReports(database, limit);
}

async function openAddress(
  config: Config,
  clock: Clock,
  logger: Logger,
  starting: AsyncDisposableStack,
): Promise<DatabaseAddress> {
  if (config.database.url !== undefined) return { connectionString: config.database.url };
  const { startEmbeddedPostgres } = await import('#storage/embedded/start-embedded-postgres.ts');
  const postgres = starting.use(await startEmbeddedPostgres({ dataDir: config.dataDir, logger, clock }));
  return postgres.connection;
}

async function createContext(
  config: Config,
  clock: Clock,
  logger: Logger,
  database: Database,
  starting: AsyncDisposableStack,
  addresses: Context['addresses'],
): Promise<{ readonly context: Context; readonly persister: EventPersister }> {
  const { ownKeys, secret } = await ensureIdentity(config, clock, database);
  const { signer } = ownKeys;
  const nids = createNidAllocator(database);
  const interned = createInterned(database);
  const tries = createStateTries({ nids, secret });
  const isLocal = localityOf(config);
  const federation = starting.use(createFederation({ config, database, clock, logger, ownKeys, isLocal }));
  const { streams, persister } = await openWriting(
    config,
    { database, clock, logger, nids, interned, tries, signer, isLocal },
    starting,
  );
  const partialRooms = starting.use(openPartialRooms({ config, logger, database, streams }));
  const persistEvents = awaitingMembers(persister.persistEvents, partialRooms);
  const rooms = { config, clock, logger, database, tries, interned, nids, streams, persistEvents, isLocal };
  const graph = { ...rooms, federation, ownKeys };
  const searchIndexer = starting.use(
    startSearchIndexer({ database, clock, logger, horizon: () => streams.events.horizon }),
  );
  const receiver = starting.use(createReceiver({ ...graph, streams, limits: config.federation }));
  const backfiller = starting.use(createBackfiller(graph));
  const { workWaiting } = starting.use(startWorkRunner({ database, clock, logger }, createWorkSteps(graph)));
  const { lookNow: roomEntered } = starting.use(startCompleter({ ...graph, workWaiting }));
  starting.use(startTypingSweep({ database, streams, clock, logger }));
  const sending = { ...rooms, origin: signer.serverName, client: federation.client };
  const federationSender = federation.isEnabled
    ? starting.use(
        new FederationSender({
          ...sending,
          limits: config.federation,
          durableEdus: [toDeviceEdus(sending), deviceListEdus(sending)],
        }),
      )
    : undefined;
  const ignoredUsers = createIgnoredUsers({ database, streams });
  const pushRulesOf = createPushRulesOf({ database, streams });
  const authenticator = createAuthenticator({ database, clock, logger, deviceLists: streams.deviceLists });
  const context: Context = {
    ...graph,
    ignoredUsers,
    pushRulesOf,
    unreadCounts: createUnreadCounts({ database, tries, streams, ignoredUsers, pushRulesOf }),
    deliveries: starting.use(createDeliveries({ database, streams, logger })),
    presence: config.presence.enabled ? starting.use(createPresence({ database, streams, clock, logger })) : noPresence,
    searchIndexer,
    partialRooms,
    roomEntered,
    receiver,
    federationSender,
    backfiller,
    remoteProfiles: createRemoteProfiles({ clock, client: federation.client }),
    remoteRooms: createRemoteRooms({ clock, client: federation.client }),
    addresses,
    authenticator,
    erasedUsers: starting.use(await openErasedUsers({ database, logger })),
    passwordAttempts: createPasswordAttempts(config.rateLimits, clock),
    claimLimits: createClaimLimits(config.rateLimits, clock),
    deviceRemovals: [],
    workWaiting,
  };
  return { context, persister };
}

/** The streams, and the one writer of events that tells them. */
async function openWriting(
  { storage, limits, redis }: Config,
  parts: Omit<PersistParts, 'limits' | 'projections' | 'committed'>,
  starting: AsyncDisposableStack,
): Promise<{ readonly streams: Streams; readonly persister: EventPersister }> {
  const { logger } = parts;
  const streams = starting.use(
    await openStreams({
      ...parts,
      limits: { ...storage, ...limits },
      onNewEpoch: forgetOneTimeKeys,
      ...(redis.url === undefined ? {} : { carrier: redisCarrier(redis.url, parts.database) }),
    }),
  );
  const persister = starting.use(
    createEventPersister({
      ...parts,
      limits: storage,
      projections: roomProjections(parts),
      committed: (commit) => streams.committed(commit),
      recovered: () =>
        streams.catchUp().catch((error: unknown) => logger.warn({ err: error }, 'a stream could not be read')),
    }),
  );
  return { streams, persister };
}

/** Whether an id, or a server's name, is this server's. */
function localityOf({ serverName }: Config): (id: string) => boolean {
  const localNames = new Set([serverName]);
  // A server's name with a port has a colon too.
  return (id) => localNames.has(id) || localNames.has(serverNameOf(id) ?? '');
}

function httpSeams(context: Context, metrics: Registry): HttpSeams {
  const { config, clock, logger, authenticator, federation, federationSender } = context;
  const { bodyBytesMax, bodyBytesInFlightMax } = config.limits;
  return {
    authenticate: authenticator.authenticate,
    servers: {
      ...federation.authenticator,
      async checkClaim(claim, asked) {
        const principal = await federation.authenticator.checkClaim(claim, asked);
        federationSender?.heard(principal.origin);
        return principal;
      },
      bodyBytesMax: config.federation.bodyBytesMax,
    },
    parseBody: (bytes, numbers) => parseJsonBytes(bytes, { bytesMax: bodyBytesMax, numbers }),
    clock,
    logger,
    bodyBytesMax,
    bodyBytesInFlightMax,
    rateLimits: config.rateLimits,
    trustedProxies: config.trustedProxies,
    metrics,
  };
}

async function listenOn<Options extends ListenOptions>(
  start: (options: Options) => Promise<Listening>,
  options: Options,
): Promise<Listening> {
  try {
    return await start(options);
  } catch (error) {
    // The command line knows the system's error and names the key of the configuration to change.
    throw error instanceof ListenError ? error.cause : error;
  }
}

/** This machine's address in the local network. Throws a `StartError` where it has none. */
function requireLanHost(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (found === undefined) throw new StartError('--lan: this machine has no address in a local network.');
  return found.address;
}

function urlOf({ host, port }: Listening): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
