/** Owns what is remembered of a state that another server tells: ids, who cites whom, and the texts as they came. */
import { joinedKey } from '#matrix/joined-key.ts';
import { eventIdsOf } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';

/**
 * A room's state before an event, and all that permits it. The state of a large room is tens of thousands of events, which
 * parsed are twenty times as large as their ids: each is parsed again when it is its turn.
 */
export class ToldState {
  readonly roomId: string;
  readonly version: RoomVersion;
  /** Every id that was told or is cited has a number; the lists below are by numbers. */
  readonly #numbers = new Map<string, number>();
  readonly #texts: (Uint8Array | undefined)[] = [];
  readonly #cites: (readonly number[])[] = [];
  /** Ids by joined key. */
  readonly #state = new Map<string, string>();

  constructor({ roomId, version }: { readonly roomId: string; readonly version: RoomVersion }) {
    this.roomId = roomId;
    this.version = version;
  }

  /** An event out of the text. What was added before stays. */
  add({ eventId, pdu }: ValidatedPdu, text: Uint8Array): void {
    const number = this.#numberOf(eventId);
    if (this.#texts[number] !== undefined) return;
    this.#texts[number] = text;
    this.#cites[number] = eventIdsOf(pdu.auth_events).map((id) => this.#numberOf(id));
  }

  /** An event that is an entry of the state, besides. */
  addEntry({ eventId, pdu }: ValidatedPdu): void {
    const key = joinedKey(pdu.type, pdu.state_key ?? '');
    // Two of one key cannot both be state; which is meant nobody can tell, and the first is as good as the other.
    if (!this.#state.has(key)) this.#state.set(key, eventId);
  }

  /** The ids of the state, one of each type and state key. */
  get stateIds(): string[] {
    return [...this.#state.values()];
  }

  findEntry(type: string, stateKey: string): string | undefined {
    return this.#state.get(joinedKey(type, stateKey));
  }

  /** The texts of those of the events that were told. */
  textsOf(eventIds: Iterable<string>): Uint8Array[] {
    return Array.from(eventIds, (id) => this.#texts[this.#numbers.get(id) ?? -1]).filter((text) => text !== undefined);
  }

  /** The texts of all events, each once, cited before citing; those of events that cite each other come last. */
  *inOrder(): Generator<Uint8Array> {
    const seen = new Uint8Array(this.#texts.length);
    // From version 12 on nothing cites the create event, and everything needs it.
    const create = this.#numbers.get(this.findEntry('m.room.create', '') ?? '');
    for (let first = create === undefined ? 0 : -1; first < this.#texts.length; first++) {
      // Without recursion: the chain may be as long as the answer.
      const path: { readonly number: number; next: number }[] = [];
      const enter = (number: number): void => {
        if (seen[number] === 1 || this.#texts[number] === undefined) return;
        seen[number] = 1;
        path.push({ number, next: 0 });
      };
      enter(first === -1 ? (create ?? 0) : first);
      for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
        const cited = this.#cites[top.number]?.[top.next++];
        if (cited !== undefined) {
          enter(cited);
          continue;
        }
        const text = this.#texts[top.number];
        if (text !== undefined) yield text;
        path.pop();
      }
    }
  }

  /** Lets the texts go, which are most of it, when they have been used. */
  forgetTexts(): void {
    this.#texts.fill(undefined);
  }

  #numberOf(eventId: string): number {
    const known = this.#numbers.get(eventId);
    if (known !== undefined) return known;
    const number = this.#texts.push(undefined) - 1;
    this.#cites.push([]);
    this.#numbers.set(eventId, number);
    return number;
  }
}
