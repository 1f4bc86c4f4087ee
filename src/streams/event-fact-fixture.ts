/** Owns facts for tests. */
import type { EventFact } from '#streams/event-fact.ts';

/** A message in a room, with whatever a test wants to be different. */
export function makeFact(pos: number, roomNid: number, changes: Partial<EventFact> = {}): EventFact {
  return {
    pos,
    eventNid: 10_000 + pos,
    roomNid,
    roomId: `!${roomNid}:example.org`,
    eventId: `$${pos}`,
    type: 'm.room.message',
    stateKey: undefined,
    sender: '@alice:example.org',
    originServerTs: 0,
    roomOrder: pos * 2 ** 20,
    stateBefore: 1,
    stem: '{"content":{}',
    membership: undefined,
    redacts: undefined,
    replacesNid: undefined,
    txnDeviceNid: undefined,
    txnId: undefined,
    ...changes,
  };
}
