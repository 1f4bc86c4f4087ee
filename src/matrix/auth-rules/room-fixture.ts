/** Owns the rooms that the tests of this folder describe in a few words. */
import type { AuthState } from '#matrix/auth-rules/auth-event.ts';
import type { AuthEvent, JsonObject } from '#matrix/pdu.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import type { VerifySignature } from '#matrix/auth-rules/room-auth.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';

export const creator = '@creator:one.example';
export const alice = '@alice:one.example';
export const bob = '@bob:two.example';
export const carol = '@carol:three.example';

const opaque = 'room-0000000000000000000000000000000000000';

export function requireVersion(id: string): RoomVersion {
  const version = findRoomVersion(id);
  if (version === undefined) throw new Error(`There is no room version ${id}.`);
  return version;
}

export function roomIdIn(version: RoomVersion): string {
  return version.roomIdIsCreateHash ? `!${opaque}` : `!${opaque}:one.example`;
}

/** An event as a test words it; everything else about it is filled in. */
export type Described = Partial<AuthEvent> & { type: string; sender: string };

export function describeMember(sender: string, target: string, membership: string, more: JsonObject = {}): Described {
  return { type: 'm.room.member', sender, state_key: target, content: { membership, ...more } };
}

type RoomDescription = {
  version: string;
  /** `content` of `m.room.power_levels`; without it the room has no such event. */
  levels?: JsonObject;
  joinRule?: string;
  /** Memberships by user id; the creator is joined unless said otherwise. */
  members?: Record<string, string>;
  createContent?: JsonObject;
  state?: Described[];
  verify?: VerifySignature;
};

export type TestRoom = {
  version: RoomVersion;
  create: AuthEvent;
  state: AuthState;
  /** Fills in what the description leaves out. */
  build: (described: Described) => AuthEvent;
  /** `allowed`, or the number of the rule that rejects the event. */
  judge: (described: Described) => string;
};

export function describeRoom(description: RoomDescription): TestRoom {
  const version = requireVersion(description.version);
  const suffix = version.eventId === 'in-pdu' ? ':one.example' : '';
  let count = 0;
  const build = (described: Described): AuthEvent => ({
    eventId: `$event-${(count += 1)}${suffix}`,
    room_id: roomIdIn(version),
    content: {},
    auth_events: [],
    prev_events: [`$previous${suffix}`],
    origin_server_ts: 1_700_000_000_000,
    depth: 10,
    ...described,
  });
  const create = build({
    eventId: `$${opaque}${suffix}`,
    type: 'm.room.create',
    sender: creator,
    state_key: '',
    prev_events: [],
    content: {
      ...(version.creatorInContent ? { creator } : {}),
      room_version: version.id,
      ...description.createContent,
    },
  });
  const entries = [create, ...describedState(description).map(build)];
  const byKey = new Map(entries.map((event) => [`${event.type} ${event.state_key ?? ''}`, event]));
  const state: AuthState = (type, stateKey) => byKey.get(`${type} ${stateKey}`);
  const verify = description.verify ?? (() => false);
  const judge = (described: Described): string => {
    const verdict = checkAuth(build(described), version, state, { verify });
    return verdict.allowed ? 'allowed' : verdict.rule;
  };
  return { version, create, state, build, judge };
}

function describedState({ levels, joinRule, members, state }: RoomDescription): Described[] {
  const described = [...(state ?? [])];
  if (levels !== undefined) {
    described.push({ type: 'm.room.power_levels', sender: creator, state_key: '', content: levels });
  }
  if (joinRule !== undefined) {
    described.push({ type: 'm.room.join_rules', sender: creator, state_key: '', content: { join_rule: joinRule } });
  }
  for (const [userId, membership] of Object.entries({ [creator]: 'join', ...members })) {
    described.push(describeMember(userId, userId, membership));
  }
  return described;
}
