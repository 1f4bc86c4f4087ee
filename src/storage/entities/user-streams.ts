/** Owns the entities of the four streams beside events: user data, to-device, device lists and keys, ephemeral. */
import { defineEntity, p } from '@mikro-orm/postgresql';

export const accountData = defineEntity({
  name: 'account_data',
  properties: {
    user_nid: p.bigint('number').primary(),
    room_nid: p.bigint('number').primary().defaultRaw('0'),
    type: p.text().primary(),
    content: p.text(),
    pos: p.bigint('number'),
  },
  uniques: [{ name: 'account_data_pos_key', properties: ['pos'] }],
  indexes: [
    { name: 'account_data_user_pos_index', properties: ['user_nid', 'pos'] },
    { name: 'account_data_room_nid_index', properties: ['room_nid'] },
  ],
});

export const completedRooms = defineEntity({
  name: 'completed_rooms',
  properties: {
    user_nid: p.bigint('number').primary(),
    room_nid: p.bigint('number').primary(),
    pos: p.bigint('number'),
    changed_keys: p.array<number>(Number).columnType('bigint[]').default([]),
  },
  uniques: [{ name: 'completed_rooms_pos_key', properties: ['pos'] }],
  indexes: [{ name: 'completed_rooms_room_nid_index', properties: ['room_nid'] }],
});

export const receipts = defineEntity({
  name: 'receipts',
  properties: {
    room_nid: p.bigint('number').primary(),
    user_nid: p.bigint('number').primary(),
    receipt_type: p.text().primary(),
    thread_id: p.text().primary().default(''),
    event_id: p.text(),
    room_order: p.bigint('number').nullable(),
    ts: p.bigint('number'),
    pos: p.bigint('number'),
  },
  uniques: [{ name: 'receipts_pos_key', properties: ['pos'] }],
  indexes: [{ name: 'receipts_room_pos_index', properties: ['room_nid', 'pos'] }],
});

export const toDeviceMessages = defineEntity({
  name: 'to_device_messages',
  properties: {
    device_nid: p.bigint('number').primary(),
    pos: p.bigint('number').primary(),
    user_nid: p.bigint('number'),
    sender: p.text(),
    type: p.text(),
    content: p.text(),
    message_id: p.text().nullable(),
  },
  uniques: [{ name: 'to_device_messages_pos_key', properties: ['pos'] }],
});

export const toDeviceTransactions = defineEntity({
  name: 'to_device_transactions',
  properties: {
    device_nid: p.bigint('number').primary(),
    txn_hash: p.blob().primary(),
    created_at: p.bigint('number'),
  },
  indexes: [{ name: 'to_device_transactions_created_at_index', properties: ['created_at'] }],
});

export const toDeviceOutbox = defineEntity({
  name: 'to_device_outbox',
  properties: {
    server_name: p.text().primary(),
    pos: p.bigint('number').primary(),
    edu: p.text(),
    created_at: p.bigint('number'),
  },
  uniques: [{ name: 'to_device_outbox_pos_key', properties: ['pos'] }],
  indexes: [{ name: 'to_device_outbox_created_at_index', properties: ['created_at'] }],
});

export const receivedMessages = defineEntity({
  name: 'received_messages',
  properties: {
    origin: p.text().primary(),
    message_id: p.text().primary(),
    received_at: p.bigint('number'),
  },
  indexes: [{ name: 'received_messages_received_at_index', properties: ['received_at'] }],
});

export const deviceKeyChanges = defineEntity({
  name: 'device_key_changes',
  properties: {
    device_nid: p.bigint('number').primary().autoincrement(false),
    user_nid: p.bigint('number'),
    pos: p.bigint('number'),
  },
  uniques: [{ name: 'device_key_changes_pos_key', properties: ['pos'] }],
});

export const trustChanges = defineEntity({
  name: 'trust_changes',
  properties: {
    user_nid: p.bigint('number').primary(),
    target_nid: p.bigint('number').primary(),
    pos: p.bigint('number'),
  },
  uniques: [{ name: 'trust_changes_pos_key', properties: ['pos'] }],
});

export const deviceListChanges = defineEntity({
  name: 'device_list_changes',
  properties: {
    pos: p.bigint('number').primary().autoincrement(false),
    user_nid: p.bigint('number'),
  },
  indexes: [{ name: 'device_list_changes_user_nid_index', properties: ['user_nid', 'pos'] }],
});

export const deviceListUpdates = defineEntity({
  name: 'device_list_updates',
  properties: {
    user_nid: p.bigint('number').primary(),
    device_id: p.text().primary(),
    pos: p.bigint('number'),
    prev_pos: p.bigint('number').nullable(),
    is_deleted: p.boolean(),
    changed_at: p.bigint('number'),
  },
  uniques: [{ name: 'device_list_updates_pos_key', properties: ['pos'] }],
  indexes: [{ name: 'device_list_updates_changed_at_index', properties: ['is_deleted', 'changed_at'] }],
});

export const typing = defineEntity({
  name: 'typing',
  properties: {
    room_nid: p.bigint('number').primary(),
    user_nid: p.bigint('number').primary(),
    expires_at: p.bigint('number'),
    is_typing: p.boolean(),
    pos: p.bigint('number'),
  },
  indexes: [
    { name: 'typing_pos_index', properties: ['pos'] },
    { name: 'typing_expires_at_index', properties: ['is_typing', 'expires_at'] },
  ],
});

export const presence = defineEntity({
  name: 'presence',
  properties: {
    user_nid: p.bigint('number').primary().autoincrement(false),
    presence: p.text(),
    status_msg: p.text().nullable(),
    last_active_at: p.bigint('number'),
    connected_until: p.bigint('number'),
    pos: p.bigint('number'),
  },
  indexes: [
    { name: 'presence_pos_index', properties: ['pos'] },
    { name: 'presence_connected_index', properties: ['connected_until'], where: "presence <> 'offline'" },
    { name: 'presence_active_index', properties: ['last_active_at'], where: "presence = 'online'" },
  ],
});

export const slidingConnections = defineEntity({
  name: 'sliding_connections',
  properties: {
    device_nid: p.bigint('number').primary(),
    connection_id: p.text().primary(),
    base_pos: p.bigint('number'),
    delta_pos: p.bigint('number').nullable(),
    exceptions: p.text(),
    used_at: p.bigint('number'),
  },
  indexes: [{ name: 'sliding_connections_used_at_index', properties: ['used_at'] }],
});
