/**
 * Owns the oracle of servers that were apart: what all their clients must see in the end, whatever happened in between. It knows
 * only what clients asked for and what they were told.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { noteType, type Follower } from '#test/federation/follower.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import type { ClientEvent, JsonObject } from '#test/support/matrix-shapes.ts';

type Said = {
  readonly roomId: string;
  readonly sender: string;
  readonly eventId: string;
  /** What a ban that is concurrent may hide from servers which knew of the ban first. */
  readonly mayBeHidden: boolean;
};

/** What clients were told is done. */
export class Ledger {
  readonly said: Said[] = [];
  /** Messages to devices, by user and device id of the receiver. */
  readonly notes = new Map<string, string[]>();

  async say(user: MatrixHttp, roomId: string, body: string, mayBeHidden = false): Promise<string> {
    const eventId = await user.sendText(roomId, body);
    this.said.push({ roomId, sender: user.userId, eventId, mayBeHidden });
    return eventId;
  }

  async change(
    user: MatrixHttp,
    roomId: string,
    type: string,
    content: JsonObject,
    stateKey = '',
    mayBeHidden = false,
  ): Promise<string> {
    const eventId = await user.setState(roomId, type, content, stateKey);
    this.said.push({ roomId, sender: user.userId, eventId, mayBeHidden });
    return eventId;
  }

  /** A message to one device. */
  async note(from: MatrixHttp, to: MatrixHttp, text: string): Promise<void> {
    const messages = { [to.userId]: { [to.deviceId]: { text } } };
    const answer = await from.raw('PUT', `/sendToDevice/${noteType}/${encodeURIComponent(text)}`, {
      body: { messages },
    });
    if (answer.status !== 200) throw new Error(`A message to a device was answered ${answer.bodyText}`);
    const notes = this.notes.get(to.userId);
    if (notes === undefined) this.notes.set(to.userId, [text]);
    else notes.push(text);
  }
}

export type Agreed = {
  readonly ledger: Ledger;
  readonly rooms: readonly string[];
  /** One user of each server, who was in all rooms before anything that the ledger has. */
  readonly readers: readonly MatrixHttp[];
  /** Clients that were so too, and who followed all the time. */
  readonly followers: readonly Follower[];
};

const SETTLE_MS = 120_000;

/** Resolves when all clients see what they must; throws what they do not, when that takes beyond all measure. */
export async function untilAgreed(agreed: Agreed): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const complaints = await findComplaints(agreed);
    if (complaints.length === 0) return;
    const fatal = complaints.filter((complaint) => complaint.startsWith('twice'));
    if (fatal.length > 0 || performance.now() > deadline) throw new Error(complaints.slice(0, 20).join('\n'));
    await delay(100);
  }
}

/**
 * Every server has the same state, the same messages, all that was acknowledged, nothing else and nothing twice; and every
 * client was told that, each event once, those of one sender in their order, messages to its device too.
 */
async function findComplaints({ ledger, rooms, readers, followers }: Agreed): Promise<string[]> {
  const complaints: string[] = [];
  for (const roomId of rooms) {
    const states = await Promise.all(readers.map(async (reader) => linesOf(await reader.getFullState(roomId))));
    const [first = []] = states;
    for (const [index, own] of states.entries()) {
      const names = `${readers[0]?.userId} and ${readers[index]?.userId} in ${roomId}`;
      complaints.push(...differences(first, own).map((line) => `state of ${names}: ${line}`));
    }
    for (const reader of readers) {
      const history = await reader.getHistory(roomId);
      complaints.push(...judgeEvents(`history of ${reader.userId}`, ledger, roomId, history));
    }
    for (const follower of followers) {
      const who = `/sync of ${follower.user.userId}`;
      complaints.push(...judgeEvents(who, ledger, roomId, follower.events.get(roomId) ?? []));
      const state = linesOf(follower.stateOf(roomId));
      complaints.push(...differences(first, state).map((line) => `${who}, state of ${roomId}: ${line}`));
    }
  }
  for (const { user, notes } of followers) {
    const expected = ledger.notes.get(user.userId) ?? [];
    if (new Set(notes).size < notes.length) complaints.push(`twice: ${user.userId} was told ${notes.join()}`);
    else if (notes.join() !== expected.join()) complaints.push(`messages to ${user.userId}: ${notes.join()}`);
  }
  return complaints;
}

function judgeEvents(who: string, { said }: Ledger, roomId: string, events: readonly ClientEvent[]): string[] {
  const here = said.filter((one) => one.roomId === roomId);
  const known = new Set(here.map(({ eventId }) => eventId));
  const seen = events.map((event) => event.event_id);
  const places = new Map(seen.map((id, index) => [id, index]));
  const complaints = seen.filter((id, index) => places.get(id) !== index).map((id) => `twice: ${who} has ${id}`);
  for (const { event_id: id, type, sender } of events) {
    if (type === 'm.room.message' && !known.has(id)) complaints.push(`${who}: ${id} of ${sender} was never said`);
  }
  const last = new Map<string, number>();
  for (const { eventId, sender, mayBeHidden } of here) {
    const place = places.get(eventId);
    if (place === undefined) {
      if (!mayBeHidden) complaints.push(`${who}: ${eventId} of ${sender} is missing`);
    } else if (place < (last.get(sender) ?? -1)) complaints.push(`${who}: ${eventId} of ${sender} is too early`);
    else last.set(sender, place);
  }
  return complaints;
}

/** A state, comparable: what stands where, by which event. */
function linesOf(events: Iterable<ClientEvent>): string[] {
  return [...events]
    .map((event) => `${event.type}|${event.state_key} ${event.event_id} ${JSON.stringify(event.content)}`)
    .toSorted();
}

function differences(one: readonly string[], other: readonly string[]): string[] {
  const [left, right] = [new Set(one), new Set(other)];
  return [
    ...one.filter((line) => !right.has(line)).map((line) => `only the first has ${line}`),
    ...other.filter((line) => !left.has(line)).map((line) => `only the second has ${line}`),
  ];
}
