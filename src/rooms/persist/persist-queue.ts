/** Owns how much may wait to be written as events in this process: rooms, events and bytes. */
import { Quota, type Load } from '#core/quota.ts';
import type { PersistRequest } from '#rooms/persist-request.ts';
import type { RoomLane } from '#rooms/persist/room-lane.ts';

export type QueueLimits = {
  readonly queueRoomsMax: number;
  readonly queueEventsMax: number;
  readonly queueBytesMax: number;
};

/** The ids, signature and hashes that an event gets besides its content. */
const EVENT_BYTES = 800;

export class PersistQueue {
  readonly #rooms: Quota;
  readonly #events: Quota;
  readonly #bytes: Quota;

  constructor(limits: QueueLimits) {
    this.#rooms = new Quota('persist_rooms', limits.queueRoomsMax);
    this.#events = new Quota('persist_events', limits.queueEventsMax);
    this.#bytes = new Quota('persist_bytes', limits.queueBytesMax);
  }

  get loads(): readonly Load[] {
    return [this.#rooms, this.#events, this.#bytes];
  }

  /** Takes the request's place in the queue; gives what leaves it, or undefined when it does not fit. */
  enter(lane: RoomLane, { events }: PersistRequest): (() => void) | undefined {
    const bytes = events.reduce((sum, event) => sum + EVENT_BYTES + sizeOf(event), 0);
    if (!this.#events.take(events.length)) return undefined;
    if (!this.#bytes.take(bytes)) {
      this.#events.give(events.length);
      return undefined;
    }
    if (lane.waiting === 0 && !this.#rooms.take()) {
      this.#events.give(events.length);
      this.#bytes.give(bytes);
      return undefined;
    }
    lane.waiting += 1;
    return () => {
      lane.waiting -= 1;
      if (lane.waiting === 0) this.#rooms.give();
      this.#events.give(events.length);
      this.#bytes.give(bytes);
    };
  }
}

function sizeOf(event: PersistRequest['events'][number]): number {
  return 'sealed' in event ? event.sealed.json.length : roughBytesOf(event.content);
}

/** About as many bytes as its JSON has, without making it. The depth of what comes in is limited where it is parsed. */
export function roughBytesOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = 2;
  if (Array.isArray(value)) for (const item of value) bytes += 1 + roughBytesOf(item);
  else for (const [key, item] of Object.entries(value)) bytes += key.length + 4 + roughBytesOf(item);
  return bytes;
}
