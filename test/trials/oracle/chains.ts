/** Owns the verdict over what each client put together from its answers of /sync, wherever and whenever it asked. */
import type { ChainEnd, ChainStart, HistoryRecord, SyncAnswered } from '#test/trials/history.ts';
import type { Rooms } from '#test/trials/oracle/rooms.ts';
import type { Violation } from '#test/trials/oracle/violation.ts';

/** The answers of one chain, those that it began with as a copy included. */
export type Chain = { readonly name: string; readonly answers: SyncAnswered[]; end?: ChainEnd };

export function collectChains(records: readonly HistoryRecord[]): Chain[] {
  const chains = new Map<string, Chain>();
  for (const record of records) {
    if (record.t === 'chain') {
      const name = nameOf(record);
      const { basis } = record;
      const before = basis && chains.get(nameOf({ client: record.client, chain: basis.chain }));
      chains.set(name, { name, answers: before?.answers.slice(0, basis?.answers) ?? [] });
    } else if (record.t === 'sync') chains.get(nameOf(record))?.answers.push(record);
    else if (record.t === 'end') {
      const chain = chains.get(nameOf(record));
      if (chain !== undefined) chain.end = record;
    }
  }
  return [...chains.values()];
}

function nameOf({ client, chain }: Pick<ChainStart, 'client' | 'chain'>): string {
  return `chain ${chain} of ${client}`;
}

/**
 * What a chain has of a room is a piece of the room's history without a gap, a repetition or an exchange, and of a chain
 * that was followed to the end it reaches the room's end; its state and its receipts are then the room's.
 */
export function judgeChains(chains: readonly Chain[], rooms: Rooms): Violation[] {
  const places = new Map<string, ReadonlyMap<string, number>>();
  for (const [roomId, { events }] of rooms) places.set(roomId, placesOf(events.map(([id]) => id)));
  return chains.flatMap((chain) => [
    ...chainedTokens(chain),
    ...[...places].flatMap(([roomId, placeOf]) => judgeTimeline(chain, roomId, placeOf)),
    ...judgeFolded(chain, rooms),
  ]);
}

/** An event that the room has twice, which is reported as that, counts where it is first. */
function placesOf(eventIds: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...new Set(eventIds)].map((eventId, place) => [eventId, place]));
}

/** Each answer of a chain was asked for with the token of the one before, or the clients themselves were wrong. */
function chainedTokens({ name, answers }: Chain): Violation[] {
  const broken = answers.findIndex(({ since }, index) => since !== (answers[index - 1]?.next ?? null));
  return broken < 0
    ? []
    : [{ kind: 'invented', detail: `${name}: answer ${broken} does not follow the one before it` }];
}

function judgeTimeline(
  { name, answers, end }: Chain,
  roomId: string,
  placeOf: ReadonlyMap<string, number>,
): Violation[] {
  const violations: Violation[] = [];
  const where = `${name} in ${roomId}`;
  let last: number | undefined;
  const seen = new Set<string>();
  for (const [index, { rooms, server }] of answers.entries()) {
    for (const eventId of rooms[roomId]?.events ?? []) {
      const place = placeOf.get(eventId);
      const at = `answer ${index} from ${server}`;
      if (place === undefined) violations.push({ kind: 'invented', detail: `${where} has ${eventId} (${at})` });
      else if (seen.has(eventId)) violations.push({ kind: 'doubled', detail: `${where} has ${eventId} twice (${at})` });
      else if (last !== undefined && place < last) {
        violations.push({ kind: 'reordered', detail: `${where} has ${eventId} too late (${at})` });
      } else if (last !== undefined && place > last + 1) {
        violations.push({ kind: 'skipped', detail: `${where} lacks ${place - last - 1} before ${eventId} (${at})` });
      }
      seen.add(eventId);
      if (place !== undefined) last = Math.max(last ?? place, place);
    }
  }
  if (end?.rooms.includes(roomId) === true && last !== placeOf.size - 1) {
    const lacking = placeOf.size - 1 - (last ?? -1);
    violations.push({ kind: 'skipped', detail: `${where} lacks the last ${lacking} events` });
  }
  return violations;
}

/** Changes of state and receipts, laid over one another, give what the room has. */
function judgeFolded({ name, answers, end }: Chain, rooms: Rooms): Violation[] {
  if (end === undefined) return [];
  const state = new Map(end.rooms.map((roomId) => [roomId, new Map<string, string>()]));
  const receipts = new Map(end.rooms.map((roomId) => [roomId, new Map<string, string>()]));
  for (const answer of answers) {
    for (const [roomId, room] of Object.entries(answer.rooms)) {
      for (const [key, eventId] of room.state) state.get(roomId)?.set(key, eventId);
    }
    for (const [roomId, userId, eventId] of answer.receipts) receipts.get(roomId)?.set(userId, eventId);
  }
  return end.rooms.flatMap((roomId) => {
    const room = rooms.get(roomId);
    if (room === undefined) return [];
    return [
      ...compareFolded(`${name}: the state of ${roomId}`, state.get(roomId), room.state),
      ...compareFolded(`${name}: the receipts of ${roomId}`, receipts.get(roomId), room.receipts),
    ];
  });
}

function compareFolded(
  what: string,
  folded: ReadonlyMap<string, string> | undefined,
  expected: readonly (readonly [string, string])[],
): Violation[] {
  const wrong = expected.filter(([key, eventId]) => folded?.get(key) !== eventId);
  const missing = wrong.map(([key, eventId]) => `${key} is ${folded?.get(key)}, not ${eventId}`);
  const keys = new Set(expected.map(([key]) => key));
  const extra = [...(folded?.keys() ?? [])].filter((key) => !keys.has(key)).map((key) => `${key} should not be there`);
  return [...missing, ...extra].map((detail) => ({ kind: 'divergent' as const, detail: `${what}: ${detail}` }));
}
