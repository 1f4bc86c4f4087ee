/** Owns the entities of the event graph: rooms, events, edges, heads, state tries. */
import { defineEntity, p } from '@mikro-orm/postgresql';

export const rooms = defineEntity({
  name: 'rooms',
  properties: {
    room_nid: p.bigint('number').primary().autoincrement(false),
    room_id: p.text(),
    version: p.text(),
    created_at: p.bigint('number'),
    entered_order: p.bigint('number').nullable(),
  },
  uniques: [{ name: 'rooms_room_id_key', properties: ['room_id'] }],
});

export const stateKeys = defineEntity({
  name: 'state_keys',
  properties: {
    key_nid: p.bigint('number').primary().autoincrement().generated('by default as identity'),
    type: p.text(),
    state_key: p.text(),
  },
  uniques: [{ name: 'state_keys_type_state_key_key', properties: ['type', 'state_key'] }],
});

export const events = defineEntity({
  name: 'events',
  properties: {
    event_nid: p.bigint('number').primary().autoincrement(false),
    room_nid: p.bigint('number'),
    event_id: p.text(),
    status: p.smallint(),
    pos: p.bigint('number').nullable(),
    room_order: p.bigint('number').nullable(),
    type: p.text(),
    key_nid: p.bigint('number').nullable(),
    sender_nid: p.bigint('number'),
    origin_server_ts: p.bigint('number'),
    depth: p.bigint('number'),
    state_before: p.bigint('number').nullable(),
    state_partial: p.boolean().default(false),
    history_visibility: p.smallint(),
    auth_gen: p.integer().nullable(),
    relates_to: p.text().nullable(),
    relates_to_nid: p.bigint('number').nullable(),
    rel_type: p.text().nullable(),
    thread_root_nid: p.bigint('number').nullable(),
    notify_seq: p.bigint('number').nullable(),
    notify_step: p.smallint().default(0),
    txn_device_nid: p.bigint('number').nullable(),
    txn_id: p.text().nullable(),
  },
  uniques: [
    { name: 'events_event_id_key', properties: ['event_id'] },
    { name: 'events_pos_key', properties: ['pos'], where: 'pos is not null' },
    { name: 'events_room_order_key', properties: ['room_nid', 'room_order'], where: 'room_order is not null' },
  ],
  indexes: [
    {
      name: 'events_room_time_index',
      properties: ['room_nid', 'origin_server_ts', 'room_order'],
      where: 'room_order is not null',
    },
    { name: 'events_unordered_index', properties: ['room_nid'], where: 'room_order is null' },
    { name: 'events_partial_index', properties: ['room_nid'], where: 'state_partial' },
    {
      name: 'events_relates_to_index',
      properties: ['relates_to', 'rel_type', 'room_order'],
      where: 'relates_to is not null',
    },
    {
      name: 'events_edits_index',
      properties: ['relates_to', 'origin_server_ts', 'event_id'],
      where: "rel_type = 'm.replace'",
    },
    {
      name: 'events_sender_index',
      properties: ['room_nid', 'sender_nid', 'room_order'],
      where: 'key_nid is null',
    },
    { name: 'events_threads_index', properties: ['room_nid', 'room_order'], where: "rel_type = 'm.thread'" },
    {
      name: 'events_below_threads_index',
      properties: ['room_nid', 'room_order'],
      where: "thread_root_nid is not null and rel_type <> 'm.thread'",
    },
  ],
});

export const eventJson = defineEntity({
  name: 'event_json',
  properties: {
    event_nid: p.bigint('number').primary().autoincrement(false),
    json: p.text(),
    censored_at: p.bigint('number').nullable(),
  },
});

export const eventEdges = defineEntity({
  name: 'event_edges',
  properties: {
    event_nid: p.bigint('number').primary(),
    prev_nid: p.bigint('number').primary(),
  },
  indexes: [{ name: 'event_edges_prev_nid_index', properties: ['prev_nid'] }],
});

export const eventAuth = defineEntity({
  name: 'event_auth',
  properties: {
    event_nid: p.bigint('number').primary(),
    auth_nid: p.bigint('number').primary(),
  },
  indexes: [{ name: 'event_auth_auth_nid_index', properties: ['auth_nid'] }],
});

export const roomHeads = defineEntity({
  name: 'room_heads',
  properties: {
    room_nid: p.bigint('number').primary(),
    room_seq: p.bigint('number').primary(),
    pos: p.bigint('number'),
    bump_pos: p.bigint('number'),
    state_root: p.bigint('number'),
    extremity_nids: p.array<number>(Number).columnType('bigint[]'),
    depth: p.bigint('number'),
    last_order: p.bigint('number'),
    notify_seq: p.bigint('number'),
    cause: p.smallint(),
  },
  indexes: [{ name: 'room_heads_state_index', properties: ['room_nid', 'pos'], where: 'cause <> 0' }],
});

export const stateNodes = defineEntity({
  name: 'state_nodes',
  properties: {
    room_nid: p.bigint('number').primary(),
    node_nid: p.bigint('number').primary(),
    entries: p.blob(),
  },
});

export const redactions = defineEntity({
  name: 'redactions',
  properties: {
    target_event_id: p.text().primary(),
    redaction_nid: p.bigint('number').primary(),
    room_nid: p.bigint('number'),
    valid: p.boolean().nullable(),
    uncensored_since: p.bigint('number').nullable(),
  },
  indexes: [
    { name: 'redactions_redaction_nid_index', properties: ['redaction_nid'] },
    {
      name: 'redactions_uncensored_index',
      properties: ['uncensored_since'],
      where: 'uncensored_since is not null',
    },
  ],
});

export const searchIndex = defineEntity({
  name: 'search_index',
  properties: {
    event_nid: p.bigint('number').primary().autoincrement(false),
    room_nid: p.bigint('number'),
    room_order: p.bigint('number'),
    kind: p.smallint(),
    origin_server_ts: p.bigint('number'),
    lexemes: p.text().columnType('tsvector'),
  },
  indexes: [
    { name: 'search_index_lexemes_index', properties: ['lexemes'], type: 'gin' },
    { name: 'search_index_room_index', properties: ['room_nid', 'room_order'] },
  ],
});

export const gaps = defineEntity({
  name: 'gaps',
  properties: {
    room_nid: p.bigint('number').primary(),
    before_order: p.bigint('number').primary(),
    missing_nid: p.bigint('number').primary(),
    attempts: p.integer().default(0),
    retry_at: p.bigint('number').nullable(),
  },
});

export const partialRooms = defineEntity({
  name: 'partial_rooms',
  properties: {
    room_nid: p.bigint('number').primary().autoincrement(false),
    join_nid: p.bigint('number'),
    resident: p.text(),
    servers: p.array(),
    started_at: p.bigint('number'),
  },
});

export const replayKeys = defineEntity({
  name: 'replay_keys',
  properties: {
    device_nid: p.bigint('number').primary(),
    replay_hash: p.blob().primary(),
    event_nid: p.bigint('number'),
    created_at: p.bigint('number'),
  },
  indexes: [{ name: 'replay_keys_created_at_index', properties: ['created_at'], type: 'brin' }],
});
