/** Owns a client that follows /sync to the end, and all that it was told. */
import { pageToEnd, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, type ClientEvent, type SyncAnswer, type SyncedRoom } from '#test/support/matrix-shapes.ts';
import { sectionOf } from '#test/support/sync-sections.ts';

/** The type of the messages to devices that it takes. */
export const noteType = 'org.example.note';
/** Small, so that there are gaps to fill. */
const filter = { room: { timeline: { limit: 10 } } };
const SYNC_MS = 1_000;

export class Follower implements AsyncDisposable {
  readonly user: MatrixHttp;
  /** By room what came after the beginning, in the order in which it was told, gaps filled. */
  readonly events = new Map<string, ClientEvent[]>();
  /** The texts of messages to its device. */
  readonly notes: string[] = [];
  /** Users whose devices are to be asked for anew. */
  readonly changedDevices = new Set<string>();
  readonly #states = new Map<string, Map<string, ClientEvent>>();
  readonly #following: Promise<void>;
  #isEnding = false;

  private constructor(user: MatrixHttp, first: SyncAnswer) {
    this.user = user;
    for (const [roomId, room] of first.join) this.#takeState(roomId, room);
    this.#following = this.#follow(first.nextBatch);
    // Whoever ends it hears of it.
    this.#following.catch(() => undefined);
  }

  /** Everything that is there is the beginning. */
  static async start(user: MatrixHttp): Promise<Follower> {
    return new Follower(user, await user.sync({ use_state_after: true, filter }));
  }

  stateOf(roomId: string): Iterable<ClientEvent> {
    return this.#states.get(roomId)?.values() ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    await this.#following;
  }

  async #follow(first: string): Promise<void> {
    for (let since = first; !this.#isEnding;) {
      const answer = await this.user.sync({ since, timeout: SYNC_MS, use_state_after: true, filter });
      for (const [roomId, room] of answer.join) {
        this.#takeState(roomId, room);
        const missed = room.limited ? await this.#findMissed(roomId, room, since) : [];
        const known = this.events.get(roomId) ?? [];
        this.events.set(roomId, [...known, ...missed, ...room.timeline]);
      }
      for (const { type, content } of sectionOf(answer.raw, 'to_device')) {
        if (type === noteType) this.notes.push(String(content['text']));
      }
      const { changed } = asObject(answer.raw['device_lists'] ?? {}, 'device_lists');
      if (Array.isArray(changed)) for (const userId of changed) this.changedDevices.add(String(userId));
      since = answer.nextBatch;
    }
  }

  #takeState(roomId: string, { stateAfter = [] }: SyncedRoom): void {
    const state = this.#states.get(roomId) ?? new Map<string, ClientEvent>();
    for (const event of stateAfter) state.set(`${event.type}|${event.state_key}`, event);
    this.#states.set(roomId, state);
  }

  async #findMissed(roomId: string, { prevBatch }: SyncedRoom, since: string): Promise<ClientEvent[]> {
    const range = { first: prevBatch, to: since };
    const events = await pageToEnd(
      (from) => this.user.getMessages(roomId, { dir: 'b', from, to: since, limit: 100 }),
      range,
    );
    return events.toReversed();
  }
}
