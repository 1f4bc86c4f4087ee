/** Owns random histories of another server's room, and handing them in whatever the order. */
import assert from 'node:assert/strict';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { creator, friend, guest, membership, type ForeignDraft, type ForeignRoom } from '#test/rooms/foreign-room.ts';
import { message, persist, topic, type Parts } from '#test/rooms/room-checks.ts';
import type { Chance } from '#test/support/chance.ts';

/** Random events after random tips, until there are so many; gives them in the order in which they were made. */
export function grow(room: ForeignRoom, chance: Chance, from: string, count: number): string[] {
  const users = [creator, friend, guest];
  let tips = [from];
  const made: string[] = [];
  for (let step = 0; step < count; step++) {
    const prevIds = chance.shuffle(tips).slice(0, chance.between(1, 2));
    // Now and then an older event is followed once more, so that the graph forks.
    if (chance.isOneIn(3) && made.length > 0) prevIds[0] = chance.pick(made);
    const id = room.add(anyDraft(room, chance, users), [...new Set(prevIds)]);
    made.push(id);
    tips = [...tips.filter((tip) => !prevIds.includes(tip)), id].slice(-8);
  }
  return made;
}

function anyDraft(room: ForeignRoom, chance: Chance, users: readonly string[]): ForeignDraft {
  const sender = chance.pick(users);
  // The creator stays, to tie the branches together in the end.
  const target = chance.pick([friend, guest]);
  const dice = chance.between(0, 9);
  if (dice < 3) return topic(sender, String(dice));
  if (dice < 5) return membership(target, target, chance.pick(['join', 'join', 'leave']));
  if (dice === 5) return membership(sender, target, chance.pick(['ban', 'leave', 'invite']));
  if (dice === 6) {
    const own = room.version.privilegedCreators ? {} : { [creator]: 100 };
    const users = { ...own, [friend]: chance.pick([0, 50]), [guest]: chance.pick([0, 50]) };
    return { type: 'm.room.power_levels', sender, stateKey: '', content: { users } };
  }
  if (dice === 7) {
    const content = { join_rule: chance.pick(['public', 'invite']) };
    return { type: 'm.room.join_rules', sender, stateKey: '', content };
  }
  return message(sender, 'hello');
}

/** Hands the events in; those whose predecessors are missing come again later, as after a fetch. */
export async function feed(parts: Parts, room: ForeignRoom, ids: readonly string[]): Promise<Map<string, string>> {
  const statuses = new Map<string, string>();
  let waiting = [...ids];
  for (let round = 0; waiting.length > 0; round++) {
    assert.ok(round <= ids.length);
    const missing: string[] = [];
    for (const id of waiting) {
      try {
        const {
          statuses: [status = ''],
        } = await persist(parts, room, id);
        statuses.set(id, status);
      } catch (error) {
        if (!(error instanceof MissingEventsError)) throw error;
        missing.push(id);
      }
    }
    waiting = missing;
  }
  return statuses;
}
