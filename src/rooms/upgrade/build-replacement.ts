/** Owns the events of the room that replaces another, and those that close the one that is replaced. */
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import type { RoomPower } from '#matrix/power-levels.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import type { DraftEvent } from '#rooms/persist-request.ts';
import { carryPowerLevels, highestLevel } from '#rooms/upgrade/carry-power-levels.ts';
import type { LocalUser } from '#storage/rooms/find-local-users.ts';

/** What is carried over besides creation, power levels and bans. Specification: "Room upgrades", "Server behaviour". */
export const carriedTypes = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
  'm.room.join_rules',
  'm.room.canonical_alias',
] as const;

export type OldState = { readonly type: string; readonly stateKey: string; readonly content: JsonObject };

export type Replacement = {
  readonly version: RoomVersion;
  readonly oldRoomId: string;
  readonly lastEventId: string;
  readonly oldPower: RoomPower;
  readonly upgrader: Pick<LocalUser, 'userId' | 'displayname' | 'avatarUrl'>;
  readonly additionalCreators: readonly string[];
  /** Of `carriedTypes`, and the children of a space. */
  readonly state: readonly OldState[];
  readonly bans: readonly OldState[];
};

/**
 * The upgrader has the highest power until all is in place, since what the old room's administrators set may take more
 * than theirs; the old levels come last.
 */
export function buildReplacement(replacement: Replacement): DraftEvent[] {
  const { version, oldPower, upgrader, additionalCreators, state, bans } = replacement;
  const sender = upgrader.userId;
  const event = (type: string, content: JsonObject, stateKey = ''): DraftEvent => ({
    sender,
    type,
    state_key: stateKey,
    content,
  });
  const levels = carryPowerLevels(oldPower, version, [sender, ...additionalCreators]);
  const top = highestLevel(levels);
  const isRaised = !version.privilegedCreators && levels.users[sender] !== top;
  const raised = isRaised ? { ...levels, users: { ...levels.users, [sender]: top } } : levels;
  const mayBan = ({ stateKey }: OldState): boolean =>
    !additionalCreators.includes(stateKey) && (version.privilegedCreators || Number(levels.users[stateKey] ?? 0) < top);
  return [
    event('m.room.create', createContentOf(replacement)),
    event('m.room.member', buildMemberContent('join', upgrader), sender),
    event('m.room.power_levels', raised),
    ...state.map((one) => event(one.type, carriedContent(one, version), one.stateKey)),
    ...bans.filter(mayBan).map(({ content, stateKey }) => event('m.room.member', banOf(content), stateKey)),
    ...(isRaised ? [event('m.room.power_levels', levels)] : []),
  ];
}

function createContentOf({ version, oldRoomId, lastEventId, oldPower, upgrader, additionalCreators }: Replacement) {
  const { type, 'm.federate': federate } = oldPower.create.content;
  const predecessor: JsonObject = { room_id: oldRoomId };
  // From version 12 on the room is named by what it says of its predecessor, and nobody needs the event.
  if (!version.roomIdIsCreateHash) predecessor['event_id'] = lastEventId;
  const content: JsonObject = { room_version: version.id, predecessor };
  if (version.creatorInContent) content['creator'] = upgrader.userId;
  if (typeof type === 'string') content['type'] = type;
  if (typeof federate === 'boolean') content['m.federate'] = federate;
  if (version.privilegedCreators && additionalCreators.length > 0)
    content['additional_creators'] = [...additionalCreators];
  return content;
}

/** A join rule that the new version does not know would shut everybody out: it becomes the strictest that it knows. */
function carriedContent({ type, content }: OldState, version: RoomVersion): JsonObject {
  if (type !== 'm.room.join_rules') return content;
  const known: Readonly<Record<string, boolean>> = {
    public: true,
    invite: true,
    private: true,
    knock: version.knocking,
    restricted: version.restrictedJoins,
    knock_restricted: version.knockRestricted,
  };
  const { join_rule: rule } = content;
  return typeof rule === 'string' && known[rule] === false ? { join_rule: 'invite' } : content;
}

function banOf({ reason }: JsonObject): JsonObject {
  return { membership: 'ban', ...(typeof reason === 'string' && { reason }) };
}

/** What is said in the old room: where it goes on, and, as far as the upgrader's power reaches, nothing more. */
export function buildClosing(
  sender: string,
  newRoomId: string,
  oldPower: RoomPower,
  hasCanonicalAlias: boolean,
): { readonly tombstone: DraftEvent; readonly restrictions: readonly DraftEvent[] } {
  const event = (type: string, content: JsonObject): DraftEvent => ({ sender, type, state_key: '', content });
  const levels = oldPower.levels ?? {};
  const least = Math.max(50, levelOf(levels['users_default']) + 1);
  const raise = (key: string): JsonObject => ({ [key]: Math.max(levelOf(levels[key]), least) });
  return {
    tombstone: event('m.room.tombstone', { body: 'This room has been replaced', replacement_room: newRoomId }),
    restrictions: [
      event('m.room.power_levels', { ...levels, ...raise('events_default'), ...raise('invite') }),
      ...(hasCanonicalAlias ? [event('m.room.canonical_alias', {})] : []),
    ],
  };
}

function levelOf(value: JsonValue | undefined): number {
  const level = Number(value ?? 0);
  return Number.isSafeInteger(level) ? level : 0;
}
