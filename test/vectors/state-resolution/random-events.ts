/** Owns what people in a random room try to do. */
import type { JsonObject } from '#matrix/pdu.ts';
import type { Chance } from '#test/support/chance.ts';
import type { ResolvableEvent } from '#test/vectors/state-resolution/resolvable.ts';

export type Proposal = Pick<ResolvableEvent, 'type' | 'stateKey' | 'sender' | 'content'>;
type Find = (type: string, stateKey: string) => ResolvableEvent | undefined;

/** One try, which the auth rules may well refuse. The branch's state is read to build on what is there. */
export function proposeEvent(chance: Chance, users: readonly string[], find: Find): Proposal {
  const sender = chance.pick(users);
  const target = chance.pick(users);
  const dice = chance.between(0, 99);
  if (dice < 12) return member(target, target, 'join', { displayname: `n${chance.between(0, 9)}` });
  if (dice < 20) return member(sender, target, 'ban');
  if (dice < 28) return member(sender, target, 'leave');
  if (dice < 32) return member(target, target, 'leave');
  if (dice < 38) return member(sender, target, 'invite');
  if (dice < 41) return member(target, target, 'knock');
  if (dice < 45) return member(target, target, 'join', { join_authorised_via_users_server: sender });
  if (dice < 58) return powerLevels(chance, sender, users, find('m.room.power_levels', '')?.content ?? {});
  if (dice < 66) return joinRules(chance, sender);
  if (dice < 82) return roomState(sender, 'm.room.topic', { topic: `t${chance.between(0, 9)}` });
  if (dice < 92) return roomState(sender, 'm.room.name', { name: `n${chance.between(0, 9)}` });
  return { type: 'org.example.badge', stateKey: sender, sender, content: { colour: chance.between(0, 9) } };
}

function member(sender: string, stateKey: string, membership: string, more: JsonObject = {}): Proposal {
  return { type: 'm.room.member', stateKey, sender, content: { membership, ...more } };
}

function roomState(sender: string, type: string, content: JsonObject): Proposal {
  return { type, stateKey: '', sender, content };
}

function joinRules(chance: Chance, sender: string): Proposal {
  const joinRule = chance.pick(['public', 'public', 'invite', 'knock', 'restricted', 'knock_restricted']);
  return roomState(sender, 'm.room.join_rules', { join_rule: joinRule });
}

/** One change to the levels that are there. */
function powerLevels(chance: Chance, sender: string, users: readonly string[], before: JsonObject): Proposal {
  const content: JsonObject = { ...before };
  const level = chance.pick([0, 25, 50, 50, 75, 100, 100]);
  const what = chance.between(0, 9);
  if (what < 6) content['users'] = { ...objectOf(before['users']), [chance.pick(users)]: level };
  else if (what < 8) content['events'] = { ...objectOf(before['events']), 'm.room.topic': level };
  else content[chance.pick(['ban', 'kick', 'invite', 'state_default'])] = level;
  return roomState(sender, 'm.room.power_levels', content);
}

function objectOf(value: JsonObject[string] | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
