/** Owns the entities that answer who is in which room and what a room looks like from outside, and by which names it is found. */
import { defineEntity, p } from '@mikro-orm/postgresql';

export const membershipLog = defineEntity({
  name: 'membership_log',
  properties: {
    user_nid: p.bigint('number').primary(),
    pos: p.bigint('number').primary(),
    room_nid: p.bigint('number'),
    membership: p.smallint(),
    was: p.smallint(),
    event_nid: p.bigint('number').nullable(),
    cause: p.smallint(),
  },
  indexes: [{ name: 'membership_log_room_nid_index', properties: ['room_nid', 'pos'] }],
});

export const userRooms = defineEntity({
  name: 'user_rooms',
  properties: {
    user_nid: p.bigint('number').primary(),
    room_nid: p.bigint('number').primary(),
    membership: p.smallint(),
    since_pos: p.bigint('number'),
    event_nid: p.bigint('number').nullable(),
    forgotten_pos: p.bigint('number').nullable(),
  },
  indexes: [{ name: 'user_rooms_room_nid_index', properties: ['room_nid', 'membership'] }],
});

export const roomServers = defineEntity({
  name: 'room_servers',
  properties: {
    room_nid: p.bigint('number').primary(),
    server_name: p.text().primary(),
    joined: p.bigint('number'),
    is_told: p.boolean().default(false),
  },
  indexes: [{ name: 'room_servers_server_name_index', properties: ['server_name', 'room_nid'] }],
});

export const remoteMembers = defineEntity({
  name: 'remote_members',
  properties: {
    user_id: p.text().primary(),
    room_nid: p.bigint('number').primary(),
    since: p.bigint('number'),
  },
  indexes: [{ name: 'remote_members_room_nid_index', properties: ['room_nid'] }],
});

export const roomSummary = defineEntity({
  name: 'room_summary',
  properties: {
    room_nid: p.bigint('number').primary().autoincrement(false),
    name: p.text().nullable(),
    avatar_url: p.text().nullable(),
    topic: p.text().nullable(),
    canonical_alias: p.text().nullable(),
    room_type: p.text().nullable(),
    encryption: p.text().nullable(),
    tombstone: p.text().nullable(),
    join_rule: p.text().nullable(),
    history_visibility: p.text().nullable(),
    guest_access: p.text().nullable(),
    allowed_room_ids: p.text().nullable(),
    hero_nids: p.array<number>(Number).columnType('bigint[]'),
    joined_count: p.bigint('number'),
    invited_count: p.bigint('number'),
  },
});

export const roomAliases = defineEntity({
  name: 'room_aliases',
  properties: {
    alias: p.text().primary(),
    room_nid: p.bigint('number'),
    creator_nid: p.bigint('number'),
    created_at: p.bigint('number'),
  },
  indexes: [{ name: 'room_aliases_room_nid_index', properties: ['room_nid'] }],
});

export const publishedRooms = defineEntity({
  name: 'published_rooms',
  properties: {
    room_nid: p.bigint('number').primary().autoincrement(false),
    published_at: p.bigint('number'),
  },
});

export const reports = defineEntity({
  name: 'reports',
  properties: {
    report_nid: p.bigint('number').primary().autoincrement().generated('by default as identity'),
    created_at: p.bigint('number'),
    reporter_nid: p.bigint('number'),
    room_nid: p.bigint('number').nullable(),
    event_nid: p.bigint('number').nullable(),
    user_nid: p.bigint('number').nullable(),
    reason: p.text(),
  },
  indexes: [{ name: 'reports_created_at_index', properties: ['created_at'] }],
});

export const strippedSnapshots = defineEntity({
  name: 'stripped_snapshots',
  properties: {
    user_nid: p.bigint('number').primary(),
    room_nid: p.bigint('number').primary(),
    state: p.text(),
  },
  indexes: [{ name: 'stripped_snapshots_room_nid_index', properties: ['room_nid'] }],
});
