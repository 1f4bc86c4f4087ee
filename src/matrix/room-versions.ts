/** Owns the one table of what differs between room versions; nothing else compares version numbers. */

/**
 * The rules of one room version, as flags.
 * Specification: Room Versions, "Complete list of room versions" and the page of each version.
 */
export type RoomVersion = {
  /** The version's identifier, as `content.room_version` of the create event gives it. */
  readonly id: string;
  /** Where the event id comes from: sent inside the PDU, or the reference hash in one of two base64 alphabets. */
  readonly eventId: 'in-pdu' | 'hash-standard-base64' | 'hash-urlsafe-base64';
  readonly stateResolution: 'v1' | 'v2' | 'v2.1';
  /** Signing keys must be valid at the event's `origin_server_ts` (version 5). */
  readonly keyValidityEnforced: boolean;
  /** Floats and integers outside ±(2^53 − 1) make a PDU invalid (version 6). */
  readonly canonicalJsonEnforced: boolean;
  /** `m.room.aliases` has an auth rule and survives redaction (until version 5). */
  readonly aliasesSpecialCased: boolean;
  /** Redactions are authorised by an auth rule of their own (until version 2), later when they are applied. */
  readonly redactionAuthRule: boolean;
  /** `notifications` is compared in the auth rule of `m.room.power_levels` (version 6). */
  readonly notificationLevelsChecked: boolean;
  readonly knocking: boolean;
  readonly restrictedJoins: boolean;
  readonly knockRestricted: boolean;
  /** Redaction keeps `allow` of `m.room.join_rules` (version 8). */
  readonly redactionKeepsAllow: boolean;
  /** Redaction keeps `join_authorised_via_users_server` of `m.room.member` (version 9). */
  readonly redactionKeepsAuthorisingUser: boolean;
  /** The rewritten redaction table of version 11. */
  readonly redactionOfVersion11: boolean;
  /** Power levels must be integers; before, strings and floats are read as numbers (version 10). */
  readonly integerPowerLevels: boolean;
  /** `content.creator` is required in the create event (until version 10). */
  readonly creatorInContent: boolean;
  /** `redacts` stands in `content` (version 11), before at the top level. */
  readonly redactsInContent: boolean;
  /** The room id is `!` and the hash of the create event, which carries no `room_id` and is no auth event (version 12). */
  readonly roomIdIsCreateHash: boolean;
  /** Creators have infinite power and `additional_creators` exists (version 12). */
  readonly privilegedCreators: boolean;
};

const version1: RoomVersion = {
  id: '1',
  eventId: 'in-pdu',
  stateResolution: 'v1',
  keyValidityEnforced: false,
  canonicalJsonEnforced: false,
  aliasesSpecialCased: true,
  redactionAuthRule: true,
  notificationLevelsChecked: false,
  knocking: false,
  restrictedJoins: false,
  knockRestricted: false,
  redactionKeepsAllow: false,
  redactionKeepsAuthorisingUser: false,
  redactionOfVersion11: false,
  integerPowerLevels: false,
  creatorInContent: true,
  redactsInContent: false,
  roomIdIsCreateHash: false,
  privilegedCreators: false,
};
const version2: RoomVersion = { ...version1, id: '2', stateResolution: 'v2' };
const version3: RoomVersion = { ...version2, id: '3', eventId: 'hash-standard-base64', redactionAuthRule: false };
const version4: RoomVersion = { ...version3, id: '4', eventId: 'hash-urlsafe-base64' };
const version5: RoomVersion = { ...version4, id: '5', keyValidityEnforced: true };
const version6: RoomVersion = {
  ...version5,
  id: '6',
  canonicalJsonEnforced: true,
  aliasesSpecialCased: false,
  notificationLevelsChecked: true,
};
const version7: RoomVersion = { ...version6, id: '7', knocking: true };
const version8: RoomVersion = { ...version7, id: '8', restrictedJoins: true, redactionKeepsAllow: true };
const version9: RoomVersion = { ...version8, id: '9', redactionKeepsAuthorisingUser: true };
const version10: RoomVersion = { ...version9, id: '10', knockRestricted: true, integerPowerLevels: true };
const version11: RoomVersion = {
  ...version10,
  id: '11',
  redactionOfVersion11: true,
  creatorInContent: false,
  redactsInContent: true,
};
const version12: RoomVersion = {
  ...version11,
  id: '12',
  stateResolution: 'v2.1',
  roomIdIsCreateHash: true,
  privilegedCreators: true,
};

/** Every room version of the specification, by identifier. All twelve are stable. */
export const roomVersions: ReadonlyMap<string, RoomVersion> = new Map(
  [
    version1,
    version2,
    version3,
    version4,
    version5,
    version6,
    version7,
    version8,
    version9,
    version10,
    version11,
    version12,
  ].map((version) => [version.id, version]),
);

/** The version's rules, or undefined for a version that this server does not know. */
export function findRoomVersion(id: string): RoomVersion | undefined {
  return roomVersions.get(id);
}
