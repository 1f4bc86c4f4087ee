/** Owns the entities of what leaves the server: federation, application services, pushers; and who does it. */
import { defineEntity, p } from '@mikro-orm/postgresql';

export const destinations = defineEntity({
  name: 'destinations',
  properties: {
    server_name: p.text().primary(),
    event_pos: p.bigint('number').defaultRaw('0'),
    to_device_pos: p.bigint('number').defaultRaw('0'),
    device_lists_pos: p.bigint('number').defaultRaw('0'),
    failing_since: p.bigint('number').nullable(),
    retry_at: p.bigint('number').nullable(),
  },
  indexes: [{ name: 'destinations_retry_at_index', properties: ['retry_at'] }],
});

export const destinationRooms = defineEntity({
  name: 'destination_rooms',
  properties: {
    server_name: p.text().primary(),
    room_nid: p.bigint('number').primary(),
    from_order: p.bigint('number'),
  },
  indexes: [{ name: 'destination_rooms_room_nid_index', properties: ['room_nid'] }],
});

export const eventDestinations = defineEntity({
  name: 'event_destinations',
  properties: {
    event_nid: p.bigint('number').primary().autoincrement(false),
    server_names: p.array().nullable(),
  },
});

export const outgoingTransactions = defineEntity({
  name: 'outgoing_transactions',
  properties: {
    receiver_kind: p.smallint().primary(),
    receiver: p.text().primary(),
    txn_id: p.text().primary(),
    body: p.text(),
    created_at: p.bigint('number'),
  },
  indexes: [{ name: 'outgoing_transactions_created_at_index', properties: ['created_at'] }],
});

export const inboundStaging = defineEntity({
  name: 'inbound_staging',
  properties: {
    staging_nid: p.bigint('number').primary().autoincrement().generated('by default as identity'),
    origin: p.text(),
    room_id: p.text(),
    event_id: p.text(),
    json: p.text(),
    received_at: p.bigint('number'),
    due_at: p.bigint('number'),
    attempts: p.integer().default(0),
    lacks: p.array().default([]),
  },
  uniques: [{ name: 'inbound_staging_event_id_key', properties: ['origin', 'event_id'] }],
  indexes: [
    { name: 'inbound_staging_room_id_index', properties: ['room_id', 'event_id'] },
    { name: 'inbound_staging_due_at_index', properties: ['due_at'] },
  ],
});

export const inboundTransactions = defineEntity({
  name: 'inbound_transactions',
  properties: {
    origin: p.text().primary(),
    txn_id: p.text().primary(),
    response: p.text(),
    received_at: p.bigint('number'),
  },
  indexes: [{ name: 'inbound_transactions_received_at_index', properties: ['received_at'] }],
});

export const serverKeys = defineEntity({
  name: 'server_keys',
  properties: {
    server_name: p.text().primary(),
    key_id: p.text().primary(),
    public_key: p.blob(),
    valid_until_ts: p.bigint('number').nullable(),
    expired_ts: p.bigint('number').nullable(),
    fetched_at: p.bigint('number'),
  },
});

export const serverKeyDocuments = defineEntity({
  name: 'server_key_documents',
  properties: {
    server_name: p.text().primary(),
    document: p.text(),
    valid_until_ts: p.bigint('number'),
    fetched_at: p.bigint('number'),
  },
});

export const appservices = defineEntity({
  name: 'appservices',
  properties: {
    appservice_id: p.text().primary(),
    registration: p.text(),
    event_pos: p.bigint('number'),
    ephemeral_pos: p.bigint('number').defaultRaw('0'),
    next_txn_id: p.bigint('number').defaultRaw('1'),
    failing_since: p.bigint('number').nullable(),
    retry_at: p.bigint('number').nullable(),
  },
});

export const pushers = defineEntity({
  name: 'pushers',
  properties: {
    user_nid: p.bigint('number').primary(),
    app_id: p.text().primary(),
    pushkey: p.text().primary(),
    kind: p.text(),
    definition: p.text(),
    device_nid: p.bigint('number').nullable(),
    created_at: p.bigint('number'),
    failing_since: p.bigint('number').nullable(),
    retry_at: p.bigint('number').nullable(),
  },
  indexes: [{ name: 'pushers_pushkey_index', properties: ['app_id', 'pushkey'] }],
});

export const pushCursors = defineEntity({
  name: 'push_cursors',
  properties: {
    shard: p.smallint().primary().autoincrement(false),
    event_pos: p.bigint('number'),
  },
});

export const notifications = defineEntity({
  name: 'notifications',
  properties: {
    user_nid: p.bigint('number').primary(),
    pos: p.bigint('number').primary(),
    room_nid: p.bigint('number'),
    event_nid: p.bigint('number'),
    thread_root_nid: p.bigint('number').nullable(),
    room_order: p.bigint('number'),
    step: p.smallint(),
  },
  indexes: [{ name: 'notifications_room_index', properties: ['room_nid', 'user_nid', 'room_order'] }],
});

export const streamCursors = defineEntity({
  name: 'stream_cursors',
  properties: {
    name: p.text().primary(),
    event_pos: p.bigint('number'),
  },
});

export const leases = defineEntity({
  name: 'leases',
  properties: {
    kind: p.text().primary(),
    shard: p.text().primary(),
    owner: p.text(),
    fence: p.bigint('number'),
    until: p.bigint('number'),
  },
});

export const workItems = defineEntity({
  name: 'work_items',
  properties: {
    work_nid: p.bigint('number').primary().autoincrement().generated('by default as identity'),
    kind: p.text(),
    work_key: p.text(),
    payload: p.text(),
    due_at: p.bigint('number'),
    attempts: p.integer().default(0),
    last_error: p.text().nullable(),
  },
  uniques: [{ name: 'work_items_kind_work_key_key', properties: ['kind', 'work_key'] }],
  indexes: [{ name: 'work_items_due_at_index', properties: ['kind', 'due_at'] }],
});
