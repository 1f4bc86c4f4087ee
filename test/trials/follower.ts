/** Owns the clients that follow /sync: from server to server with one token, and beginning again in every way there is. */
import { parseSyncToken } from '#streams/sync-token.ts';
import { encode, pageToEnd } from '#test/support/matrix-http.ts';
import { asObject, isObject, readMessages, readSync, type SyncedRoom } from '#test/support/matrix-shapes.ts';
import type { ClientEvent, SyncAnswer } from '#test/support/matrix-shapes.ts';
import { sectionOf } from '#test/support/sync-sections.ts';
import { isSuccess, keyProperty, toDeviceType, type Courier } from '#test/trials/crew.ts';
import type { SyncAnswered, SyncedEvents } from '#test/trials/history.ts';

const requestTimeoutMs = 6_000;
const syncTimeoutMs = 2_000;
/** A small limit, so that gaps are as common as they are on a busy day. */
const timelineLimit = 20;
/** How long a client may take to hear of everything when all is quiet. */
const settleTimeoutMs = 30_000;

/** One in so many answers is lost on the way, kept as a backup, or is the last before a restart of that kind. */
const oneIn = { lost: 30, backup: 20, restartFromBackup: 50, restartAnew: 80 };

type Place = { readonly chain: number; readonly answers: number; readonly since: string | undefined };

export type FollowerOptions = {
  /** Joined from before the beginning to the end. */
  readonly rooms: readonly string[];
  /** How it fills gaps. */
  readonly gapDirection: 'b' | 'f';
  /** Whether it asks for the state after the timeline instead of before it. */
  readonly usesStateAfter: boolean;
  /** Aborted when it should come to its end: then it follows until it has read up to `target()`. */
  readonly quiet: AbortSignal;
  readonly target: () => readonly number[];
};

/** Follows until the end. What it saw is in the history. */
export async function runFollower(courier: Courier, options: FollowerOptions): Promise<void> {
  try {
    await follow(courier, options);
  } catch (error) {
    courier.fail(error);
  }
}

async function follow(courier: Courier, options: FollowerOptions): Promise<void> {
  const { crew, user, chance } = courier;
  const { history } = crew;
  const client = user.userId;
  let place: Place = { chain: 0, answers: 0, since: undefined };
  let backup: Place | undefined;
  let chains = 1;
  let deadline = Infinity;
  history.write({ t: 'chain', client, chain: 0 });
  while (!crew.abort.aborted) {
    const isQuiet = options.quiet.aborted;
    if (isQuiet && deadline === Infinity) deadline = performance.now() + settleTimeoutMs;
    if (isQuiet && (hasReached(place.since, options.target()) || performance.now() > deadline)) break;
    const answer = await askSync(courier, options, place.since);
    if (answer === undefined || chance.isOneIn(oneIn.lost)) continue;
    const told = await takeIn(courier, options, answer, place);
    history.write(told);
    place = { ...place, answers: place.answers + 1, since: answer.nextBatch };
    if (chance.isOneIn(oneIn.backup)) backup = place;
    const isAnew = chance.isOneIn(oneIn.restartAnew);
    if (isQuiet || !(isAnew || (backup !== undefined && chance.isOneIn(oneIn.restartFromBackup)))) continue;
    const basis = isAnew ? undefined : backup;
    place = { chain: chains, answers: basis?.answers ?? 0, since: basis?.since };
    history.write({
      t: 'chain',
      client,
      chain: chains,
      ...(basis === undefined ? {} : { basis: { chain: basis.chain, answers: basis.answers } }),
    });
    if (isAnew) backup = undefined;
    chains += 1;
  }
  history.write({
    t: 'end',
    client,
    chain: place.chain,
    device: `${user.userId}|${user.deviceId}`,
    rooms: options.rooms,
  });
}

/** Whether a token covers everything up to these positions of the streams of events, user data and messages to devices. */
export function hasReached(token: string | undefined, target: readonly number[]): boolean {
  const positions = token === undefined ? undefined : parseSyncToken(token)?.positions;
  return positions?.slice(0, 3).every((pos, index) => pos >= (target[index] ?? 0)) ?? false;
}

async function askSync(
  courier: Courier,
  { usesStateAfter, quiet }: FollowerOptions,
  since: string | undefined,
): Promise<SyncAnswer | undefined> {
  const path = syncPath({
    since,
    timeoutMs: quiet.aborted ? 100 : syncTimeoutMs,
    usesStateAfter,
    limit: timelineLimit,
  });
  const answer = await courier.ask({ method: 'GET', path, timeoutMs: requestTimeoutMs });
  if (answer !== undefined && isSuccess(answer)) return readSync(answer.body);
  if (answer !== undefined && answer.status < 500) {
    throw new Error(`GET ${path} was answered ${answer.status} ${answer.bodyText.slice(0, 200)}`);
  }
  await courier.retreat();
  return undefined;
}

export function syncPath(asked: {
  readonly since?: string | undefined;
  readonly timeoutMs: number;
  readonly usesStateAfter: boolean;
  readonly limit: number;
}): string {
  const filter = JSON.stringify({ room: { timeline: { limit: asked.limit } }, presence: { not_types: ['*'] } });
  const query = new URLSearchParams({ timeout: String(asked.timeoutMs), filter });
  if (asked.since !== undefined) query.set('since', asked.since);
  if (asked.usesStateAfter) query.set('use_state_after', 'true');
  return `/_matrix/client/v3/sync?${query.toString()}`;
}

/** The answer as the history has it, with what was left out of limited timelines. */
async function takeIn(
  courier: Courier,
  options: FollowerOptions,
  answer: SyncAnswer,
  { chain, since }: Place,
): Promise<SyncAnswered> {
  const { server } = courier;
  const ended = performance.now();
  const rooms: Record<string, SyncedEvents> = {};
  for (const [roomId, room] of answer.join) {
    const missed = room.limited && since !== undefined ? await fetchGap(courier, options, { roomId, room, since }) : [];
    const state = room.stateAfter ?? [...(room.state ?? []), ...room.timeline];
    rooms[roomId] = { events: [...missed, ...room.timeline].map((event) => event.event_id), state: stateOf(state) };
  }
  return {
    t: 'sync',
    client: courier.user.userId,
    chain,
    server,
    ended,
    since: since ?? null,
    next: answer.nextBatch,
    rooms,
    receipts: receiptsOf(answer),
    toDevice: sectionOf(answer.raw, 'to_device').flatMap(({ type, content }) =>
      type === toDeviceType ? [String(content[keyProperty])] : [],
    ),
  };
}

/** The changes of state among events, as type and state key joined and event id. */
export function stateOf(events: readonly ClientEvent[]): (readonly [string, string])[] {
  return events.flatMap((event) =>
    event.state_key === undefined ? [] : [[`${event.type}|${event.state_key}`, event.event_id] as const],
  );
}

/** Public receipts: room, user, event. */
export function receiptsOf(answer: SyncAnswer): (readonly [string, string, string])[] {
  return [...answer.join].flatMap(([roomId, room]) =>
    sectionOf(room.raw, 'ephemeral')
      .filter(({ type }) => type === 'm.receipt')
      .flatMap(({ content }) => Object.entries(content))
      .flatMap(([eventId, receipts]) => {
        const read = asObject(receipts, 'the receipts of an event')['m.read'];
        return isObject(read) ? Object.keys(read).map((userId) => [roomId, userId, eventId] as const) : [];
      }),
  );
}

/** The events between the token that the client had and the start of the timeline, oldest first. */
async function fetchGap(
  courier: Courier,
  { gapDirection }: FollowerOptions,
  gap: { readonly roomId: string; readonly room: SyncedRoom; readonly since: string },
): Promise<ClientEvent[]> {
  const { roomId, room, since } = gap;
  if (room.prevBatch === undefined) throw new Error(`${roomId}: a limited timeline has no prev_batch`);
  const isForwards = gapDirection === 'f';
  const [first, to] = isForwards ? [since, room.prevBatch] : [room.prevBatch, since];
  const events = await pageToEnd(
    async (from) => {
      const query = new URLSearchParams({
        dir: gapDirection,
        limit: '100',
        to,
        ...(from === undefined ? {} : { from }),
      });
      const path = `/_matrix/client/v3/rooms/${encode(roomId)}/messages?${query.toString()}`;
      return readMessages((await courier.askUntilAnswered({ method: 'GET', path, timeoutMs: requestTimeoutMs })).body);
    },
    { first, to },
  );
  return isForwards ? events : events.toReversed();
}
