/** Owns people who write without pause while a backup is taken, and what of theirs a restored server must have. */
import assert from 'node:assert/strict';
import { registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { ClientEvent } from '#test/support/matrix-shapes.ts';
import { until } from '#test/embedded/start.ts';

export type BusyRoom = {
  readonly roomId: string;
  readonly sender: MatrixHttp;
  /** Event ids in the order in which they were acknowledged; the n-th message says n. */
  readonly acknowledged: readonly string[];
};

export type BusyRooms = {
  readonly rooms: readonly BusyRoom[];
  /** How much of each room is acknowledged now. */
  count(): readonly number[];
  /** Resolves when so many more are acknowledged in each room. */
  more(messages: number): Promise<void>;
  stop(): Promise<void>;
};

/** A room for each of some people, all with the listener in it, in which its owner writes one message after the other. */
export async function startBusyRooms(listener: MatrixHttp, count: number): Promise<BusyRooms> {
  const stopping = new AbortController();
  const open = async () => {
    const sender = await registerUser(listener.baseUrl);
    const roomId = await sender.createRoom({ preset: 'public_chat' });
    await listener.join(roomId);
    const acknowledged: string[] = [];
    return { roomId, sender, acknowledged };
  };
  const rooms = await Promise.all(Array.from({ length: count }, open));
  const write = async ({ roomId, sender, acknowledged }: (typeof rooms)[number]): Promise<void> => {
    while (!stopping.signal.aborted) acknowledged.push(await sender.sendText(roomId, String(acknowledged.length)));
  };
  const running = rooms.map(write);
  const counts = (): number[] => rooms.map(({ acknowledged }) => acknowledged.length);
  return {
    rooms,
    count: counts,
    async more(messages) {
      const wanted = counts().map((before) => before + messages);
      await until(() => counts().every((now, index) => now >= (wanted[index] ?? 0)), `${messages} more messages`);
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** The messages among a room's events, as the numbers that they say. */
export function numbersOf(events: readonly ClientEvent[]): number[] {
  return events.filter(({ type }) => type === 'm.room.message').map(({ content }) => Number(content['body']));
}

/**
 * Asserts that a room has the messages from the first one on, each once and in order, at least those acknowledged before
 * the backup was begun and at most those sent before it had ended.
 */
export function assertPrefix(events: readonly ClientEvent[], room: BusyRoom, atLeast: number, atMost: number): void {
  const messages = events.filter(({ type }) => type === 'm.room.message');
  const ids = messages.map(({ event_id }) => event_id);
  assert.deepEqual(ids, room.acknowledged.slice(0, ids.length), 'what is there is what was acknowledged, in order');
  assert.ok(ids.length >= atLeast, `${atLeast} were acknowledged before the backup, and ${ids.length} are there`);
  assert.ok(ids.length <= atMost, `${ids.length} are there, but only ${atMost} were sent before the backup ended`);
}
