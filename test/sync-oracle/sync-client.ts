/** Owns a client that folds what /sync answers it, and can start afresh beside itself to see what it should know. */
import { isDeepStrictEqual } from 'node:util';
import { asObject, readEvents, readMessages, text, type ClientEvent } from '#test/support/matrix-shapes.ts';
import { pageToEnd } from '#test/support/matrix-http.ts';
import { count, emptyView, stateKeyOf, type ClientView } from '#test/sync-oracle/client-view.ts';
import { compareHistory, compareMembers, compareViews } from '#test/sync-oracle/compare-views.ts';
import { foldSync, type Gaps } from '#test/sync-oracle/fold-sync.ts';

/** How a client asks for news. */
export type ClientHabit = {
  readonly name: string;
  readonly timelineLimit: number;
  readonly isLazy?: boolean;
  readonly wantsRedundantMembers?: boolean;
  readonly usesStateAfter?: boolean;
  readonly countsThreads?: boolean;
  /** Reads with /messages what a limited timeline leaves out. */
  readonly fillsGaps?: boolean;
  /** Asks also for rooms that were left. */
  readonly wantsLeft?: boolean;
  /** Asks for some types and fields only. */
  readonly isChoosy?: boolean;
};

export const clientHabits: readonly ClientHabit[] = [
  { name: 'plain', timelineLimit: 20, wantsLeft: true },
  { name: 'short timelines', timelineLimit: 2, countsThreads: true },
  { name: 'lazy', timelineLimit: 4, isLazy: true },
  { name: 'state after', timelineLimit: 3, usesStateAfter: true, wantsLeft: true },
  { name: 'lazy with state after', timelineLimit: 3, isLazy: true, usesStateAfter: true, countsThreads: true },
  { name: 'filling gaps', timelineLimit: 3, fillsGaps: true },
  { name: 'choosy', timelineLimit: 3, usesStateAfter: true, isChoosy: true },
  { name: 'lazy, filling gaps', timelineLimit: 2, isLazy: true, fillsGaps: true },
  { name: 'lazy with redundant members', timelineLimit: 3, isLazy: true, wantsRedundantMembers: true },
];

const attemptsMax = 10;
const settleMs = 100;
const ignoredType = 'm.ignored_user_list';

/** Asks a path below /_matrix/client/v3 by GET; throws unless it is answered with 200 and JSON. */
export type Ask = (path: string, query: Readonly<Record<string, string>>) => Promise<unknown>;
type Query = Readonly<Record<string, string>>;

/** One device that syncs. */
export class SyncClient {
  readonly habit: ClientHabit;
  readonly #ask: Ask;
  readonly #askAfresh: Ask;
  readonly #happened: Map<string, number>;
  #view: ClientView;

  readonly #mayLoseState: (roomId: string) => boolean;

  /**
   * It starts afresh on another device of the user, as a server may remember what it told to one. Counts in `happened` what
   * it lives through. In some rooms state may be resolved.
   */
  constructor(
    habit: ClientHabit,
    { ask, askAfresh }: { readonly ask: Ask; readonly askAfresh: Ask },
    { happened, mayLoseState }: { happened: Map<string, number>; mayLoseState: (roomId: string) => boolean },
  ) {
    this.#mayLoseState = mayLoseState;
    this.habit = habit;
    this.#ask = ask;
    this.#askAfresh = askAfresh;
    this.#happened = happened;
    this.#view = emptyView(happened);
    count(happened, `client: ${habit.name}`);
  }

  /** Asks once for what is new. Once others are ignored, or no longer, it begins anew, as the specification advises. */
  async sync(timeoutMs = 0): Promise<void> {
    const since = this.#view.nextBatch;
    const answer = await this.#ask('/sync', this.#query(since, timeoutMs));
    const gaps = this.habit.fillsGaps && since !== undefined ? await this.#fillGaps(answer, since) : undefined;
    const ignored = this.#view.accountData.get(ignoredType);
    foldSync(this.#view, answer, gaps);
    if (since === undefined || isDeepStrictEqual(ignored, this.#view.accountData.get(ignoredType))) return;
    count(this.#happened, 'began anew after ignoring');
    const { problems } = this.#view;
    this.#view = emptyView(this.#happened);
    this.#view.problems.push(...problems);
    foldSync(this.#view, await this.#ask('/sync', this.#query(undefined, 0)));
  }

  /** Asks, and does not hear the answer. */
  async loseAnswer(): Promise<void> {
    await this.#ask('/sync', this.#query(this.#view.nextBatch, 0));
  }

  /**
   * What this client, having asked for what is new, knows otherwise than one that starts now with the same habit. While
   * the server is still at work, as when a new display name goes through the rooms, both ask again. What was skipped does
   * not come back by asking.
   */
  async findDifferences(): Promise<string[]> {
    let differences: string[] = [];
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      await this.sync(attempt === 0 ? 0 : settleMs);
      // Whoever is in a room no longer, and does not know yet, is refused.
      differences = await this.#compare().catch((error: unknown) => [String(error)]);
      if (differences.length === 0) break;
    }
    return differences;
  }

  async #compare(): Promise<string[]> {
    const { isLazy = false, fillsGaps = false } = this.habit;
    const start = async (isLazy: boolean): Promise<ClientView> => {
      const fresh = emptyView();
      foldSync(fresh, await this.#askAfresh('/sync', this.#query(undefined, 0, isLazy)));
      return fresh;
    };
    const standing = await this.#findStanding();
    const differences = compareViews(this.#view, await start(isLazy), { isLazy, standing });
    if (isLazy) differences.push(...compareMembers(this.#view, await start(false), standing));
    if (!fillsGaps) return differences;
    for (const [roomId, room] of this.#view.rooms) {
      if (room.membership !== 'join') continue;
      const history = await this.#readBack(roomId, { limit: '50' });
      differences.push(...compareHistory(room, history).map((difference) => `${roomId}: ${difference}`));
    }
    return differences;
  }

  async #findStanding(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const standing = new Map<string, ReadonlySet<string>>();
    for (const [roomId, { membership }] of this.#view.rooms) {
      if (membership !== 'join' || !this.#mayLoseState(roomId)) continue;
      const state = await this.#ask(`/rooms/${encodeURIComponent(roomId)}/state`, {});
      standing.set(roomId, new Set(readEvents(state, 'the answer of /state').map(stateKeyOf)));
    }
    return standing;
  }

  async #fillGaps(answer: unknown, since: string): Promise<Gaps> {
    const gaps = new Map<string, ClientEvent[]>();
    const joined = asObject(
      asObject(asObject(answer, 'the answer of /sync')['rooms'] ?? {}, 'rooms')['join'] ?? {},
      'join',
    );
    for (const [roomId, section] of Object.entries(joined)) {
      const timeline = asObject(asObject(section, roomId)['timeline'], 'timeline');
      if (timeline['limited'] !== true || this.#view.rooms.get(roomId)?.membership !== 'join') continue;
      gaps.set(roomId, await this.#readBack(roomId, { from: text(timeline, 'prev_batch'), to: since, limit: '4' }));
    }
    return gaps;
  }

  /** What /messages tells backwards, given oldest first. */
  async #readBack(roomId: string, query: Query): Promise<ClientEvent[]> {
    const path = `/rooms/${encodeURIComponent(roomId)}/messages`;
    const read = async (from: string | undefined) =>
      readMessages(await this.#ask(path, { ...query, dir: 'b', ...(from === undefined ? {} : { from }) }));
    return (await pageToEnd(read, { first: query['from'], to: query['to'] })).toReversed();
  }

  #query(since: string | undefined, timeoutMs: number, isLazy = this.habit.isLazy ?? false): Query {
    const {
      timelineLimit,
      wantsRedundantMembers,
      usesStateAfter = false,
      countsThreads,
      isChoosy = false,
    } = this.habit;
    const { wantsLeft = false } = this.habit;
    const members = { lazy_load_members: isLazy, include_redundant_members: wantsRedundantMembers };
    const choice = isChoosy ? choices : noChoices;
    const filter = {
      ...choice.whole,
      room: {
        ...choice.room,
        include_leave: wantsLeft,
        timeline: { ...choice.timeline, limit: timelineLimit, unread_thread_notifications: countsThreads },
        state: { ...choice.state, ...members },
      },
    };
    return {
      timeout: String(timeoutMs),
      filter: JSON.stringify(filter),
      use_state_after: String(usesStateAfter),
      ...(since === undefined ? {} : { since }),
    };
  }
}

const noChoices = { whole: {}, room: {}, timeline: {}, state: {} };
const choices = {
  whole: {
    account_data: { not_types: ['org.example.1', 'm.push_*'] },
    event_fields: ['event_id', 'type', 'sender', 'state_key', 'origin_server_ts', 'content', 'redacts', 'unsigned'],
  },
  room: {
    account_data: { types: ['m.tag', 'm.fully_read', 'org.example.*'], not_types: ['org.example.2'] },
    ephemeral: { types: ['m.receipt'] },
  },
  timeline: { types: ['m.room.*', 'm.reaction'], not_types: ['m.room.member'] },
  state: { not_types: ['org.*', 'm.room.join_rules'] },
};

/** Asks a server by HTTP, as one device. */
export function askServer(baseUrl: string, accessToken: string): Ask {
  return async (path, query) => {
    const response = await fetch(`${baseUrl}/_matrix/client/v3${path}?${String(new URLSearchParams(query))}`, {
      headers: { Authorization: `Bearer ${accessToken}` },
      signal: AbortSignal.timeout(20_000),
    });
    const body: unknown = await response.json();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
    return body;
  };
}
