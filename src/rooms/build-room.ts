/** Owns the events of a new room: which ones, in which order, with what in them. */
import type { JsonObject } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import type { DraftEvent } from '#rooms/persist-request.ts';
import type { LocalUser } from '#storage/rooms/find-local-users.ts';

export const roomPresets = ['private_chat', 'public_chat', 'trusted_private_chat'] as const;
export type RoomPreset = (typeof roomPresets)[number];

export type InitialState = { readonly type: string; readonly state_key?: string; readonly content: JsonObject };

/** A room to be made. Everything has been checked, but not by the auth rules. */
export type NewRoom = {
  readonly version: RoomVersion;
  readonly creator: Pick<LocalUser, 'userId' | 'displayname' | 'avatarUrl'>;
  readonly preset: RoomPreset;
  readonly creationContent: JsonObject;
  readonly powerLevelOverride: JsonObject;
  readonly initialState: readonly InitialState[];
  readonly name: string | undefined;
  readonly topic: string | undefined;
  readonly alias?: string | undefined;
  readonly invited: readonly Pick<LocalUser, 'userId' | 'displayname' | 'avatarUrl'>[];
  /** Users of other servers, who are invited once the room is there. */
  readonly invitedElsewhere: readonly string[];
  readonly isDirect: boolean;
};

const presetState: Readonly<Record<RoomPreset, { readonly joinRule: string; readonly guestAccess: string }>> = {
  private_chat: { joinRule: 'invite', guestAccess: 'can_join' },
  trusted_private_chat: { joinRule: 'invite', guestAccess: 'can_join' },
  public_chat: { joinRule: 'public', guestAccess: 'forbidden' },
};

/** The order is the specification's. Client-Server API, "Creation", `POST /createRoom`. */
export function buildRoomEvents(room: NewRoom): DraftEvent[] {
  const sender = room.creator.userId;
  const state = (type: string, content: JsonObject, stateKey = ''): DraftEvent => ({
    sender,
    type,
    state_key: stateKey,
    content,
  });
  const { joinRule, guestAccess } = presetState[room.preset];
  const presets = [
    state('m.room.join_rules', { join_rule: joinRule }),
    state('m.room.history_visibility', { history_visibility: 'shared' }),
    state('m.room.guest_access', { guest_access: guestAccess }),
  ];
  // What initial_state says instead takes the preset's place: the room need not change its mind in its first second.
  const overridden = new Set(room.initialState.filter((one) => (one.state_key ?? '') === '').map((one) => one.type));
  return [
    state('m.room.create', buildCreateContent(room)),
    state('m.room.member', buildMemberContent('join', room.creator), sender),
    state('m.room.power_levels', buildPowerLevels(room)),
    ...(room.alias === undefined ? [] : [state('m.room.canonical_alias', { alias: room.alias })]),
    ...presets.filter(({ type }) => !overridden.has(type)),
    ...room.initialState.map((one) => state(one.type, one.content, one.state_key)),
    ...(room.name === undefined ? [] : [state('m.room.name', { name: room.name })]),
    ...(room.topic === undefined ? [] : [state('m.room.topic', buildTopicContent(room.topic))]),
    ...room.invited.map((user) =>
      state('m.room.member', buildMemberContent('invite', user, { isDirect: room.isDirect }), user.userId),
    ),
  ];
}

/** What the server decides is not for `creation_content` to say. */
function buildCreateContent({ version, creator, preset, creationContent, ...room }: NewRoom): JsonObject {
  const { creator: _creator, room_version: _version, ...kept } = creationContent;
  const content: JsonObject = { ...kept, room_version: version.id };
  if (version.creatorInContent) content['creator'] = creator.userId;
  if (version.privilegedCreators && preset === 'trusted_private_chat') {
    const given = Array.isArray(kept['additional_creators']) ? kept['additional_creators'] : [];
    const creators = new Set([...given, ...allInvited(room)]);
    if (creators.size > 0) content['additional_creators'] = [...creators];
  }
  return content;
}

function allInvited({ invited, invitedElsewhere }: Pick<NewRoom, 'invited' | 'invitedElsewhere'>): string[] {
  return [...invited.map((user) => user.userId), ...invitedElsewhere];
}

/** Keys of the override replace whole keys of what stands here. Specification: `m.room.power_levels`. */
function buildPowerLevels({ version, creator, preset, powerLevelOverride, ...room }: NewRoom): JsonObject {
  const users: JsonObject = {};
  if (!version.privilegedCreators) {
    // Creators of later versions have power that no level describes, and must not be listed.
    users[creator.userId] = 100;
    if (preset === 'trusted_private_chat') for (const userId of allInvited(room)) users[userId] = 100;
  }
  const levels: JsonObject = {
    users,
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.avatar': 50,
      'm.room.canonical_alias': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.encryption': 100,
      'm.room.server_acl': 100,
      'm.room.tombstone': version.privilegedCreators ? 150 : 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    // Whom members know they bring along; into a public room everybody comes by themselves.
    invite: preset === 'public_chat' ? 50 : 0,
    ...powerLevelOverride,
  };
  return version.privilegedCreators ? withTombstone(levels) : levels;
}

/**
 * Where creators stand above all levels, a tombstone needs more than other state, also when the override names no level
 * for it. What is no level is for the auth rules to judge.
 */
function withTombstone(levels: JsonObject): JsonObject {
  const { events, state_default: stateDefault } = levels;
  if (!isJsonObject(events) || typeof stateDefault !== 'number') return levels;
  const level = events['m.room.tombstone'];
  if (level !== undefined && (typeof level !== 'number' || level > stateDefault)) return levels;
  return { ...levels, events: { ...events, 'm.room.tombstone': Math.max(150, stateDefault + 1) } };
}

function buildTopicContent(topic: string): JsonObject {
  return { topic, 'm.topic': { 'm.text': [{ body: topic, mimetype: 'text/plain' }] } };
}

/** Why this cannot be the content of a create event, in a sentence; undefined if it can. */
export function checkCreationContent(content: JsonObject, isUserId: (id: string) => boolean): string | undefined {
  const { type, additional_creators: creators, predecessor } = content;
  if (content['m.federate'] !== undefined && typeof content['m.federate'] !== 'boolean') {
    return '"creation_content.m.federate" must be true or false.';
  }
  if (type !== undefined && typeof type !== 'string') return '"creation_content.type" must be a string.';
  if (predecessor !== undefined && !isJsonObject(predecessor)) {
    return '"creation_content.predecessor" must be an object.';
  }
  if (creators === undefined) return undefined;
  const areUserIds = Array.isArray(creators) && creators.every((id) => typeof id === 'string' && isUserId(id));
  return areUserIds ? undefined : '"creation_content.additional_creators" must be a list of user ids.';
}
