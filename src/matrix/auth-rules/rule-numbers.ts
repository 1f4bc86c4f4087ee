/** Owns the outline of the rules, from which every rule's number on the page of a given room version follows. */
import type { RoomVersion } from '#matrix/room-versions.ts';

type Flag = { [K in keyof RoomVersion]: RoomVersion[K] extends boolean ? K : never }[keyof RoomVersion];
/** A step of the outline; with a flag it exists, and is counted, only in versions that have the flag. */
type Step = string | readonly [step: string, flag: Flag];

// Steps stand in the order of the specification; those that only allow are listed because they are counted.
const outline = {
  '': [
    'create',
    ['roomId', 'roomIdIsCreateHash'],
    'authEvents',
    'federate',
    ['aliases', 'aliasesSpecialCased'],
    'member',
    'senderJoined',
    'thirdPartyInvite',
    'requiredLevel',
    'userStateKey',
    'powerLevels',
    ['redaction', 'redactionAuthRule'],
  ],
  create: [
    'prevEvents',
    'roomId',
    'roomVersion',
    ['creator', 'creatorInContent'],
    ['additionalCreators', 'privilegedCreators'],
  ],
  // Version 12 drops `create`, but the text of its page leaves number 4 out instead of moving number 5 up.
  authEvents: ['duplicate', 'notSelectable', 'rejected', 'create', 'otherRoom'],
  aliases: ['stateKey', 'server'],
  member: [
    'shape',
    ['authorisingServer', 'restrictedJoins'],
    'join',
    'invite',
    'leave',
    'ban',
    ['knock', 'knocking'],
    'unknown',
  ],
  'member.authorisingServer': ['signature'],
  'member.join': ['creator', 'sender', 'banned', 'invited', ['restricted', 'restrictedJoins'], 'public', 'otherwise'],
  'member.join.restricted': ['invited', 'authorisingUser'],
  'member.invite': ['thirdParty', 'senderJoined', 'target', 'level', 'otherwise'],
  'member.invite.thirdParty': ['banned', 'signed', 'properties', 'mxid', 'event', 'sender', 'signature', 'otherwise'],
  'member.leave': ['self', 'senderJoined', 'unban', 'kick', 'otherwise'],
  'member.ban': ['senderJoined', 'level', 'otherwise'],
  'member.knock': ['joinRule', 'sender', 'membership', 'otherwise'],
  thirdPartyInvite: ['level'],
  powerLevels: [
    ['named', 'integerPowerLevels'],
    ['maps', 'integerPowerLevels'],
    'users',
    ['creators', 'privilegedCreators'],
    'noPrevious',
    'namedChanged',
    'entryChanged',
    'entryAdded',
    'userChanged',
    'userAdded',
  ],
  'powerLevels.namedChanged': ['current', 'new'],
  'powerLevels.entryChanged': ['current'],
  'powerLevels.entryAdded': ['new'],
  'powerLevels.userChanged': ['current'],
  'powerLevels.userAdded': ['new'],
  redaction: ['level', 'sameServer', 'otherwise'],
} as const satisfies Record<string, readonly Step[]>;

type Outline = typeof outline;
type NameOf<S> = S extends readonly [infer Name extends string, Flag] ? Name : S extends string ? S : never;

/** A rule's name, the same in all versions, for example `member.join.banned`. */
export type RuleName = {
  [Group in keyof Outline]: Group extends ''
    ? NameOf<Outline[Group][number]>
    : `${Group}.${NameOf<Outline[Group][number]>}`;
}[keyof Outline];

const groups: Readonly<Record<string, readonly Step[]>> = outline;

/** The rule's number on the page of that room version, for example `5.2.3`. The version must have the rule. */
export function ruleNumber(version: RoomVersion, rule: RuleName): string {
  const path = rule.split('.');
  return path.map((step, depth) => positionOf(version, path.slice(0, depth).join('.'), step)).join('.');
}

function positionOf(version: RoomVersion, group: string, wanted: string): number {
  let position = 0;
  for (const step of groups[group] ?? []) {
    const [name, flag] = typeof step === 'string' ? [step] : step;
    if (flag !== undefined && !version[flag]) continue;
    position += 1;
    if (name === wanted) return position;
  }
  throw new Error(`Room version ${version.id} has no auth rule "${group}.${wanted}".`);
}
