/** Owns the proof that the oracle accepts every honest history and detects each kind of violation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  findViolations,
  type Acknowledgement,
  type Invocation,
  type RecordedHistory,
  type SeenEvent,
  type Violation,
} from '#test/crash/oracle.ts';

const roomIds = ['!a', '!b'] as const;

type Send = { readonly client: number; readonly isAcknowledged: boolean; readonly isRetried: boolean };

/** A run in which nothing goes wrong: every client sends to one room, in the order in which the list names it. */
function honestHistory(sends: readonly Send[]): RecordedHistory {
  const invocations: Invocation[] = [];
  const acknowledgements: Acknowledgement[] = [];
  const rooms = new Map<string, SeenEvent[]>(
    roomIds.map((roomId) => [roomId, [{ eventId: `$create${roomId}`, sender: '@0:x', key: null }]]),
  );
  for (const [seq, { client, isAcknowledged, isRetried }] of sends.entries()) {
    const key = `${client}/${seq}`;
    const sender = `@${client}:x`;
    const roomId = roomIds[client % roomIds.length] ?? roomIds[0];
    invocations.push({ key, roomId, sender });
    // A send that was never acknowledged may still have happened.
    rooms.get(roomId)?.push({ eventId: `$${key}`, sender, key });
    if (isAcknowledged) acknowledgements.push({ key, eventId: `$${key}` });
    if (isAcknowledged && isRetried) acknowledgements.push({ key, eventId: `$${key}` });
  }
  const timelines = ['s1', 's2'].flatMap((syncer) =>
    roomIds.map((roomId) => ({ syncer, roomId, events: eventsOf(roomId) })),
  );
  function eventsOf(roomId: string): SeenEvent[] {
    return [...(rooms.get(roomId) ?? [])];
  }
  return { invocations, acknowledgements, rooms, timelines };
}

const anySends = fc.array(fc.record({ client: fc.nat(3), isAcknowledged: fc.boolean(), isRetried: fc.boolean() }), {
  maxLength: 40,
});

/** A fixed run: two clients, three messages each, all acknowledged, client 0 in room !a and client 1 in !b. */
const plainSends = Array.from({ length: 6 }, (_, seq) => ({ client: seq % 2, isAcknowledged: true, isRetried: false }));

function withRoom(history: RecordedHistory, change: (events: readonly SeenEvent[]) => SeenEvent[]): RecordedHistory {
  const changed = change(history.rooms.get('!a') ?? []);
  const timelines = history.timelines.map((one) => (one.roomId === '!a' ? { ...one, events: changed } : one));
  return { ...history, rooms: new Map([...history.rooms, ['!a', changed]]), timelines };
}

function withTimeline(
  history: RecordedHistory,
  change: (events: readonly SeenEvent[]) => SeenEvent[],
): RecordedHistory {
  const [first, ...rest] = history.timelines;
  assert.ok(first);
  return { ...history, timelines: [{ ...first, events: change(first.events) }, ...rest] };
}

/** Exchanges the second and third message, which are of the same sender. */
function swap(events: readonly SeenEvent[]): SeenEvent[] {
  const [created, first, second, third] = events;
  assert.ok(created && first && second && third);
  return [created, first, third, second];
}

function assertOnly(history: RecordedHistory, ...kinds: readonly Violation['kind'][]): void {
  const found = findViolations(history);
  assert.deepEqual([...new Set(found.map((one) => one.kind))].toSorted(), kinds.toSorted(), JSON.stringify(found));
}

describe('the oracle of the crash tests', () => {
  it('accepts every honest history', () => {
    fc.assert(fc.property(anySends, (sends) => assert.deepEqual(findViolations(honestHistory(sends)), [])));
  });

  it('accepts a send without acknowledgement that did not happen', () => {
    const history = honestHistory([...plainSends, { client: 0, isAcknowledged: false, isRetried: false }]);
    assertOnly(withRoom(history, (events) => events.slice(0, -1)));
  });

  it('detects an acknowledged message that is lost', () => {
    assertOnly(
      withRoom(honestHistory(plainSends), (events) => events.toSpliced(2, 1)),
      'lost',
    );
  });

  it('detects that all of a room is lost', () => {
    assertOnly(
      withRoom(honestHistory(plainSends), () => []),
      'lost',
    );
  });

  it('detects an event that a room has twice', () => {
    assertOnly(
      withRoom(honestHistory(plainSends), (events) => [...events, ...events.slice(-1)]),
      'doubled',
    );
  });

  it('detects a retry that made a second event', () => {
    const again = { eventId: '$again', sender: '@0:x', key: '0/0' };
    assertOnly(
      withRoom(honestHistory(plainSends), (events) => [...events, again]),
      'doubled',
      'invented',
    );
  });

  it('detects a sender whose messages are not in the order acknowledged', () => {
    assertOnly(withRoom(honestHistory(plainSends), swap), 'reordered');
  });

  it('detects a timeline in another order than its room', () => {
    assertOnly(withTimeline(honestHistory(plainSends), swap), 'reordered');
  });

  it('detects a timeline that skips an event', () => {
    assertOnly(
      withTimeline(honestHistory(plainSends), (events) => events.toSpliced(1, 1)),
      'skipped',
    );
  });

  it('detects a timeline that has an event twice', () => {
    assertOnly(
      withTimeline(honestHistory(plainSends), (events) => [...events, ...events.slice(-1)]),
      'doubled',
    );
  });

  it('detects a message that nobody sent, in a room and in a timeline', () => {
    const stranger = { eventId: '$stranger', sender: '@0:x', key: '0/99' };
    assertOnly(
      withRoom(honestHistory(plainSends), (events) => [...events, stranger]),
      'invented',
    );
    assertOnly(
      withTimeline(honestHistory(plainSends), (events) => [...events, stranger]),
      'invented',
    );
  });

  it('detects an event that only a timeline has', () => {
    const ghost = { eventId: '$ghost', sender: '@0:x', key: null };
    assertOnly(
      withTimeline(honestHistory(plainSends), (events) => [...events, ghost]),
      'invented',
    );
  });

  it('detects a message under a false sender and in a false room', () => {
    const forge = (events: readonly SeenEvent[]): SeenEvent[] => events.map((one) => ({ ...one, sender: '@9:x' }));
    assertOnly(withRoom(honestHistory(plainSends), forge), 'invented');
    const strayed = { eventId: '$1/1', sender: '@1:x', key: '1/1' };
    assertOnly(
      withRoom(honestHistory(plainSends), (events) => [...events, strayed]),
      'invented',
    );
  });

  it('detects an acknowledgement that names another event than the one in the room', () => {
    const history = honestHistory(plainSends);
    const acknowledgements = history.acknowledgements.map((one) =>
      one.key === '0/2' ? { ...one, eventId: '$no' } : one,
    );
    assertOnly({ ...history, acknowledgements }, 'invented', 'lost');
  });

  it('detects a retried transaction id that was answered with another event', () => {
    const history = honestHistory(plainSends);
    const acknowledgements = [...history.acknowledgements, { key: '0/0', eventId: '$other' }];
    assertOnly({ ...history, acknowledgements }, 'answered-differently');
  });

  it('detects an acknowledgement of what was never sent', () => {
    const history = honestHistory(plainSends);
    const acknowledgements = [...history.acknowledgements, { key: '7/7', eventId: '$7' }];
    assertOnly({ ...history, acknowledgements }, 'invented');
  });

  it('detects any single event that is taken out of any timeline', () => {
    fc.assert(
      fc.property(fc.array(fc.constant(true), { minLength: 1, maxLength: 20 }), fc.nat(), (many, pick) => {
        const sends = many.map(() => ({ client: 0, isAcknowledged: true, isRetried: false }));
        const history = withTimeline(honestHistory(sends), (events) => events.toSpliced(pick % events.length, 1));
        assertOnly(history, 'skipped');
      }),
    );
  });
});
