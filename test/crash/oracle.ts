/** Owns the verdict over a recorded history: what was acknowledged and seen, against what the server promises. */

/**
 * Names one message of one client within the whole run. It is also its transaction id, and it is in its body.
 */
export type MessageKey = string;

export type Invocation = {
  readonly key: MessageKey;
  readonly roomId: string;
  readonly sender: string;
};

/** One 2xx answer to a send. A key that was sent again after its acknowledgement has several. */
export type Acknowledgement = {
  readonly key: MessageKey;
  readonly eventId: string;
};

/** One event as somebody saw it. `key` is null for events that the load did not send, such as joins. */
export type SeenEvent = {
  readonly eventId: string;
  readonly sender: string;
  readonly key: MessageKey | null;
};

export type RecordedHistory = {
  /** Every send that was ever attempted, whatever became of it. */
  readonly invocations: readonly Invocation[];
  /** In the order in which they were received; only the order within one sender and room is judged. */
  readonly acknowledgements: readonly Acknowledgement[];
  /** Each room's whole history at the end, oldest first, as /messages gives it. */
  readonly rooms: ReadonlyMap<string, readonly SeenEvent[]>;
  /** What each syncer put together from /sync, with the gaps of limited timelines filled from /messages. */
  readonly timelines: readonly {
    readonly syncer: string;
    readonly roomId: string;
    readonly events: readonly SeenEvent[];
  }[];
};

export type Violation = {
  readonly kind: 'lost' | 'doubled' | 'reordered' | 'skipped' | 'invented' | 'answered-differently';
  readonly detail: string;
};

/**
 * Every violation of: an acknowledged event stays (lost); a message has one event, seen once (doubled); a sender's
 * events stand in the order acknowledged, and every timeline in the order of the room (reordered); a timeline has all
 * events of the room (skipped); nothing appears that was not sent (invented); a transaction id that is sent again is
 * answered with the same event (answered-differently). An empty list is the proof that none was found.
 */
export function findViolations(history: RecordedHistory): Violation[] {
  const invoked = new Map(history.invocations.map((one) => [one.key, one]));
  const { firstAcks, violations } = indexAcknowledgements(history.acknowledgements, invoked);
  for (const [roomId, events] of history.rooms) {
    violations.push(...judgeSingleness(`room ${roomId}`, events));
    violations.push(...judgeOrigin(`room ${roomId}`, roomId, events, invoked, firstAcks));
    violations.push(...judgeAcknowledged(roomId, events, invoked, firstAcks));
  }
  for (const { syncer, roomId, events } of history.timelines) {
    const where = `timeline of ${syncer} in ${roomId}`;
    violations.push(...judgeSingleness(where, events));
    violations.push(...judgeOrigin(where, roomId, events, invoked, firstAcks));
    violations.push(...judgeTimeline(where, events, history.rooms.get(roomId) ?? []));
  }
  return violations;
}

type Invoked = ReadonlyMap<MessageKey, Invocation>;
type FirstAcks = ReadonlyMap<MessageKey, string>;

function indexAcknowledgements(
  acknowledgements: readonly Acknowledgement[],
  invoked: Invoked,
): { firstAcks: FirstAcks; violations: Violation[] } {
  const firstAcks = new Map<MessageKey, string>();
  const violations: Violation[] = [];
  for (const { key, eventId } of acknowledgements) {
    const first = firstAcks.get(key);
    if (!invoked.has(key)) violations.push({ kind: 'invented', detail: `${key} was acknowledged but never sent` });
    if (first === undefined) firstAcks.set(key, eventId);
    else if (first !== eventId) {
      violations.push({ kind: 'answered-differently', detail: `${key} was answered ${first} and then ${eventId}` });
    }
  }
  return { firstAcks, violations };
}

/** No event twice, and no message under two events. */
function judgeSingleness(where: string, events: readonly SeenEvent[]): Violation[] {
  const ids = new Set<string>();
  const keys = new Map<MessageKey, string>();
  const violations: Violation[] = [];
  for (const { eventId, key } of events) {
    const other = key === null ? undefined : keys.get(key);
    if (ids.has(eventId)) violations.push({ kind: 'doubled', detail: `${where} has ${eventId} (${key}) twice` });
    else if (other !== undefined) {
      violations.push({ kind: 'doubled', detail: `${where} has ${key} as ${other} and as ${eventId}` });
    }
    ids.add(eventId);
    if (key !== null) keys.set(key, eventId);
  }
  return violations;
}

/** Every message was sent, by that sender, to that room, and is the event that its sender was told. */
function judgeOrigin(
  where: string,
  roomId: string,
  events: readonly SeenEvent[],
  invoked: Invoked,
  firstAcks: FirstAcks,
): Violation[] {
  const violations: Violation[] = [];
  for (const { eventId, sender, key } of events) {
    if (key === null) continue;
    const invocation = invoked.get(key);
    const acknowledged = firstAcks.get(key);
    const isSent = invocation?.sender === sender && invocation.roomId === roomId;
    if (!isSent) violations.push({ kind: 'invented', detail: `${where} has ${key} of ${sender}, which was not sent` });
    else if (acknowledged !== undefined && acknowledged !== eventId) {
      const detail = `${where} has ${key} as ${eventId}, but its sender was told ${acknowledged}`;
      violations.push({ kind: 'invented', detail });
    }
  }
  return violations;
}

/** What was acknowledged for the room is there, and each sender's messages are in the order of acknowledgement. */
function judgeAcknowledged(
  roomId: string,
  events: readonly SeenEvent[],
  invoked: Invoked,
  firstAcks: FirstAcks,
): Violation[] {
  const places = new Map(events.map((event, place) => [event.eventId, place]));
  const latest = new Map<string, { key: MessageKey; place: number }>();
  const violations: Violation[] = [];
  // A Map keeps the order of insertion, so this is the order in which the acknowledgements came.
  for (const [key, eventId] of firstAcks) {
    const invocation = invoked.get(key);
    if (invocation?.roomId !== roomId) continue;
    const place = places.get(eventId);
    if (place === undefined) {
      violations.push({ kind: 'lost', detail: `${key} (${eventId}) was acknowledged but is not in room ${roomId}` });
      continue;
    }
    const before = latest.get(invocation.sender);
    if (before !== undefined && place < before.place) {
      violations.push({ kind: 'reordered', detail: `room ${roomId} has ${key} before ${before.key}` });
    }
    latest.set(invocation.sender, { key, place });
  }
  return violations;
}

/** The timeline has exactly the room's events, in the room's order. */
function judgeTimeline(where: string, events: readonly SeenEvent[], room: readonly SeenEvent[]): Violation[] {
  const places = new Map(room.map((event, place) => [event.eventId, place]));
  const seen = new Set(events.map((event) => event.eventId));
  const violations: Violation[] = [];
  for (const { eventId, key } of room) {
    if (!seen.has(eventId)) violations.push({ kind: 'skipped', detail: `${where} lacks ${eventId} (${key})` });
  }
  let last = -1;
  for (const { eventId, key } of events) {
    const place = places.get(eventId);
    if (place === undefined) {
      violations.push({ kind: 'invented', detail: `${where} has ${eventId} (${key}), which the room has not` });
      continue;
    }
    // The same place again is a doubled event, which is reported as that.
    if (place < last) violations.push({ kind: 'reordered', detail: `${where} has ${eventId} (${key}) too late` });
    last = Math.max(last, place);
  }
  return violations;
}
