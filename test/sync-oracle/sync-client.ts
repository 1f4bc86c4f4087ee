/** Owns a client that folds what /sync answers it, and can start afresh beside itself to see what it should know. */
import { isObject, type JsonObject } from '#test/support/matrix-shapes.ts';
import { emptyView, type ClientView } from '#test/sync-oracle/client-view.ts';
import { compareViews } from '#test/sync-oracle/compare-views.ts';
import { foldSync } from '#test/sync-oracle/fold-sync.ts';

/** How a client asks for news. */
export type ClientHabit = {
  readonly name: string;
  readonly timelineLimit: number;
  readonly isLazy: boolean;
  readonly usesStateAfter: boolean;
  readonly countsThreads: boolean;
};

export const clientHabits: readonly ClientHabit[] = [
  { name: 'plain', timelineLimit: 20, isLazy: false, usesStateAfter: false, countsThreads: false },
  { name: 'short timelines', timelineLimit: 2, isLazy: false, usesStateAfter: false, countsThreads: true },
  { name: 'lazy', timelineLimit: 4, isLazy: true, usesStateAfter: false, countsThreads: false },
  { name: 'state after', timelineLimit: 3, isLazy: false, usesStateAfter: true, countsThreads: false },
  { name: 'lazy with state after', timelineLimit: 3, isLazy: true, usesStateAfter: true, countsThreads: true },
];

const attemptsMax = 10;
const settleMs = 100;

/** One device that syncs. `GET /sync` is asked through `request`, which throws unless it is answered with 200. */
export class SyncClient {
  readonly habit: ClientHabit;
  readonly #request: (query: ReadonlyMap<string, string>) => Promise<JsonObject>;
  readonly #view = emptyView();

  constructor(habit: ClientHabit, request: (query: ReadonlyMap<string, string>) => Promise<JsonObject>) {
    this.habit = habit;
    this.#request = request;
  }

  /** Asks once for what is new. */
  async sync(timeoutMs = 0): Promise<void> {
    foldSync(this.#view, await this.#request(this.#query(this.#view.nextBatch, timeoutMs)));
  }

  /** Asks, and does not hear the answer. */
  async loseAnswer(): Promise<void> {
    await this.#request(this.#query(this.#view.nextBatch, 0));
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
      const fresh: ClientView = emptyView();
      foldSync(fresh, await this.#request(this.#query(undefined, 0)));
      differences = compareViews(this.#view, fresh, { isLazy: this.habit.isLazy });
      if (differences.length === 0) break;
    }
    return differences;
  }

  #query(since: string | undefined, timeoutMs: number): ReadonlyMap<string, string> {
    const { timelineLimit, isLazy, usesStateAfter, countsThreads } = this.habit;
    const timeline = { limit: timelineLimit, unread_thread_notifications: countsThreads, lazy_load_members: isLazy };
    const filter = { room: { timeline, state: { lazy_load_members: isLazy } } };
    const query = new Map([
      ['timeout', String(timeoutMs)],
      ['filter', JSON.stringify(filter)],
      ['use_state_after', String(usesStateAfter)],
    ]);
    return since === undefined ? query : query.set('since', since);
  }
}

/** Asks a server by HTTP, as one device. */
export function askSync(
  baseUrl: string,
  accessToken: string,
): (query: ReadonlyMap<string, string>) => Promise<JsonObject> {
  return async (query) => {
    const response = await fetch(`${baseUrl}/_matrix/client/v3/sync?${String(new URLSearchParams([...query]))}`, {
      headers: { Authorization: `Bearer ${accessToken}` },
      signal: AbortSignal.timeout(20_000),
    });
    const body: unknown = await response.json();
    if (!response.ok || !isObject(body)) throw new Error(`/sync: ${response.status} ${JSON.stringify(body)}`);
    return body;
  };
}
