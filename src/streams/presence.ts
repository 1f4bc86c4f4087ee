/** Owns who is there: what devices say, and what follows when they say nothing. Specification: Client-Server API, "Presence". */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { Database } from '#storage/database.ts';
import { findPresence, type StoredPresence } from '#storage/streams/find-presence.ts';
import { lockStalePresence, persistSightings, type Sighting } from '#storage/streams/presence.ts';
import { SeenUsers, unitePresence, type PresenceState, type SeenUser, type UserDevice } from '#streams/seen-users.ts';
import type { StreamTx } from '#streams/stream-writer.ts';
import type { Streams } from '#streams/streams.ts';

/** Who neither sends nor reads for so long is idle. */
const IDLE_MS = 300_000;
/** Between the end of one sync and the beginning of the next a device is still there. */
const GRACE_MS = 60_000;
/** Less than the time of grace, so that nobody is thought to have gone between two notes. */
const NOTE_MS = 20_000;
const SWEEP_MS = 10_000;
const SWEPT_MAX = 500;

export type Presence = {
  /** The device asks for news, and waits for so long. `offline` says that this means nothing. */
  syncing(device: UserDevice, declared: PresenceState, timeoutMs: number): Promise<void>;
  /** The user did something of their own. */
  acted(device: UserDevice): void;
  /** What the user says of themselves. */
  set(device: UserDevice, state: PresenceState, statusMsg: string | undefined): Promise<void>;
  /** The user's name or avatar is another: whoever was told of the user's presence is told again, with the new one. */
  renamed(userNid: number): void;
};

type Parts = {
  readonly database: Database;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** Presence that is switched off. */
export const noPresence: Presence = {
  syncing: () => Promise.resolve(),
  acted: () => undefined,
  set: () => Promise.resolve(),
  renamed: () => undefined,
};

export function createPresence(parts: Parts): Presence & AsyncDisposable {
  const { database, streams, clock, logger } = parts;
  const users = new SeenUsers(clock);
  const warn = (error: unknown): void => logger.warn({ err: error }, 'presence could not be brought up to date');
  let running: Promise<void> = Promise.resolve();
  const write = async (userNid: number, seen: SeenUser, next: Partial<StoredPresence>): Promise<void> => {
    const { connectedUntil, lastActiveAt } = seen;
    await streams.write('ephemeral', (tx) => change(tx, userNid, { connectedUntil, lastActiveAt, ...next }));
  };
  const every = (intervalMs: number, run: () => Promise<void>): NodeJS.Timeout =>
    setInterval(() => {
      running = running.then(run).catch(warn);
    }, intervalMs).unref();
  const timers = [every(NOTE_MS, () => note(database, users)), every(SWEEP_MS, () => sweep(streams, clock))];
  return {
    async syncing(device, declared, timeoutMs) {
      const until = clock.now() + timeoutMs + GRACE_MS;
      if (declared === 'offline') {
        users.hide(device, until);
        return;
      }
      const seen = users.see(device, declared, until);
      const together = unitePresence(seen, clock.now());
      if (together === seen.written) return;
      seen.written = together;
      await write(device.userNid, seen, { presence: together });
    },
    acted(device) {
      // Who does not want to be seen is not given away by what they do.
      if (users.isHidden(device)) return;
      const seen = users.see(device, 'online', clock.now() + GRACE_MS);
      const wasIdle = seen.written !== 'online' || clock.now() - seen.lastActiveAt > IDLE_MS;
      seen.lastActiveAt = clock.now();
      if (!wasIdle) return;
      seen.written = 'online';
      write(device.userNid, seen, { presence: 'online' }).catch(warn);
    },
    async set(device, state, statusMsg) {
      const seen = users.see(device, state, clock.now() + GRACE_MS);
      seen.lastActiveAt = clock.now();
      seen.written = state;
      await write(device.userNid, seen, { presence: state, statusMsg: statusMsg ?? null });
    },
    renamed(userNid) {
      const again = async (tx: StreamTx): Promise<void> => {
        const stored = await findPresence(tx, userNid);
        if (stored !== undefined) tx.add({ presence: [stored] });
      };
      streams.write('ephemeral', again).catch(warn);
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer);
      await running;
    },
  };
}

/** What another server says of a user of its own. */
export type RemotePresence = Pick<StoredPresence, 'userNid' | 'presence' | 'statusMsg' | 'lastActiveAt'>;

/** A server that is never heard of again does not leave its users there for ever. */
const REMOTE_MS = 12 * 3_600_000;

export async function persistRemotePresence(
  { streams, clock }: Pick<Parts, 'clock'> & { readonly streams: Pick<Streams, 'write'> },
  users: readonly RemotePresence[],
): Promise<void> {
  await streams.write('ephemeral', async (tx) => {
    const connectedUntil = clock.now() + REMOTE_MS;
    for (const { userNid, ...told } of users) await change(tx, userNid, { ...told, connectedUntil });
  });
}

/** Writes what is new with a position; that somebody is still there is no news to anybody. */
async function change(
  tx: StreamTx,
  userNid: number,
  next: Omit<Sighting, 'userNid'> & Partial<StoredPresence>,
): Promise<void> {
  const stored = await findPresence(tx, userNid);
  const row: StoredPresence = { presence: 'offline', statusMsg: null, ...stored, ...next, userNid };
  const isNews = stored?.presence !== row.presence || stored.statusMsg !== row.statusMsg;
  if (isNews) tx.add({ presence: [row] });
  else await persistSightings(tx, [row]);
}

/** Notes who is still there. Whom another process, or a crash of PostgreSQL, has taken for gone is written anew. */
async function note(database: Database, users: SeenUsers): Promise<void> {
  const unnoted = users.takeUnnoted();
  if (unnoted.length === 0) return;
  const sightings = unnoted.map(([userNid, { connectedUntil, lastActiveAt }]) => ({
    userNid,
    connectedUntil,
    lastActiveAt,
  }));
  const present = await persistSightings(database, sightings);
  for (const [userNid, seen] of unnoted) if (!present.has(userNid)) seen.written = undefined;
}

/** Of those who are gone or idle every process takes some. */
async function sweep(streams: Streams, clock: Clock): Promise<void> {
  await streams.write('ephemeral', async (tx) => {
    const now = clock.now();
    const stale = await lockStalePresence(tx, { connected: now, active: now - IDLE_MS }, SWEPT_MAX);
    const settle = (row: StoredPresence): StoredPresence => ({
      ...row,
      presence: row.connectedUntil < now ? 'offline' : 'unavailable',
    });
    tx.add({ presence: stale.map(settle) });
  });
}
