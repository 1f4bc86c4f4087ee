/** Owns the entities of end-to-end encryption: keys of devices and users, their signatures, backups of room keys. */
import { defineEntity, p } from '@mikro-orm/postgresql';

export const deviceKeys = defineEntity({
  name: 'device_keys',
  properties: {
    device_nid: p.bigint('number').primary().autoincrement(false),
    user_nid: p.bigint('number'),
    device_id: p.text(),
    signed_text: p.text(),
    signatures: p.text(),
  },
  indexes: [{ name: 'device_keys_user_nid_index', properties: ['user_nid'] }],
});

export const oneTimeKeys = defineEntity({
  name: 'one_time_keys',
  properties: {
    device_nid: p.bigint('number').primary(),
    algorithm: p.text().primary(),
    key_id: p.text().primary(),
    upload_order: p.bigint('number').autoincrement().generated('by default as identity'),
    key_json: p.text(),
    claimed_at: p.bigint('number').nullable(),
  },
  indexes: [
    {
      name: 'one_time_keys_unclaimed_index',
      properties: ['device_nid', 'algorithm', 'upload_order'],
      where: 'claimed_at is null',
    },
  ],
});

export const fallbackKeys = defineEntity({
  name: 'fallback_keys',
  properties: {
    device_nid: p.bigint('number').primary(),
    algorithm: p.text().primary(),
    key_id: p.text(),
    key_json: p.text(),
    is_used: p.boolean().default(false),
  },
});

export const crossSigningKeys = defineEntity({
  name: 'cross_signing_keys',
  properties: {
    user_nid: p.bigint('number').primary(),
    usage: p.text().primary(),
    public_key: p.text(),
    signed_text: p.text(),
    signatures: p.text(),
  },
});

export const keySignatures = defineEntity({
  name: 'key_signatures',
  properties: {
    target_user_nid: p.bigint('number').primary(),
    signer_user_nid: p.bigint('number').primary(),
    target_key_id: p.text().primary(),
    signing_key_id: p.text().primary(),
    signature: p.text(),
  },
  indexes: [{ name: 'key_signatures_signer_index', properties: ['signer_user_nid', 'signing_key_id'] }],
});

export const remoteDeviceLists = defineEntity({
  name: 'remote_device_lists',
  properties: {
    user_nid: p.bigint('number').primary().autoincrement(false),
    stream_id: p.bigint('number').nullable(),
    is_stale: p.boolean(),
    update_count: p.bigint('number').defaultRaw('0'),
    shared_since: p.bigint('number'),
  },
});

export const remoteDevices = defineEntity({
  name: 'remote_devices',
  properties: {
    user_nid: p.bigint('number').primary(),
    device_id: p.text().primary(),
    display_name: p.text().nullable(),
    signed_text: p.text(),
    signatures: p.text(),
  },
});

export const backupVersions = defineEntity({
  name: 'backup_versions',
  properties: {
    user_nid: p.bigint('number').primary(),
    version: p.bigint('number').primary(),
    algorithm: p.text(),
    auth_data: p.text(),
    etag: p.bigint('number').defaultRaw('0'),
    key_count: p.bigint('number').defaultRaw('0'),
    deleted_at: p.bigint('number').nullable(),
  },
});

export const backupKeys = defineEntity({
  name: 'backup_keys',
  properties: {
    user_nid: p.bigint('number').primary(),
    version: p.bigint('number').primary(),
    room_id: p.text().primary(),
    session_id: p.text().primary(),
    first_message_index: p.bigint('number'),
    forwarded_count: p.bigint('number'),
    is_verified: p.boolean(),
    session_data: p.text(),
  },
});
