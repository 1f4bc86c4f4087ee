/** Owns the entities of users, their devices, tokens and sessions. */
import { defineEntity, p } from '@mikro-orm/postgresql';

export const users = defineEntity({
  name: 'users',
  properties: {
    user_nid: p.bigint('number').primary().autoincrement().generated('by default as identity'),
    user_id: p.text(),
  },
  uniques: [{ name: 'users_user_id_key', properties: ['user_id'] }],
});

export const accounts = defineEntity({
  name: 'accounts',
  properties: {
    user_nid: p.bigint('number').primary().autoincrement(false),
    password_hash: p.text().nullable(),
    is_admin: p.boolean().default(false),
    is_guest: p.boolean().default(false),
    appservice_id: p.text().nullable(),
    created_at: p.bigint('number'),
    deactivated_at: p.bigint('number').nullable(),
    erased_pos: p.bigint('number').nullable(),
    locked_at: p.bigint('number').nullable(),
    suspended_at: p.bigint('number').nullable(),
  },
  indexes: [{ name: 'accounts_erased_pos_index', properties: ['erased_pos'] }],
});

export const profiles = defineEntity({
  name: 'profiles',
  properties: {
    user_nid: p.bigint('number').primary().autoincrement(false),
    displayname: p.text().nullable(),
    avatar_url: p.text().nullable(),
    fields: p.text().default('{}'),
  },
});

export const directoryTerms = defineEntity({
  name: 'directory_terms',
  properties: {
    term: p.text().primary(),
    user_nid: p.bigint('number').primary(),
  },
  indexes: [{ name: 'directory_terms_user_nid_index', properties: ['user_nid', 'term'] }],
});

export const devices = defineEntity({
  name: 'devices',
  properties: {
    device_nid: p.bigint('number').primary().autoincrement().generated('by default as identity'),
    user_nid: p.bigint('number'),
    device_id: p.text(),
    display_name: p.text().nullable(),
    created_at: p.bigint('number'),
    last_seen_at: p.bigint('number').nullable(),
    last_seen_ip: p.text().nullable(),
    last_seen_user_agent: p.text().nullable(),
    delivered_position: p.bigint('number').nullable(),
  },
  uniques: [{ name: 'devices_user_nid_device_id_key', properties: ['user_nid', 'device_id'] }],
});

export const accessTokens = defineEntity({
  name: 'access_tokens',
  properties: {
    token_hash: p.blob().primary(),
    user_nid: p.bigint('number'),
    device_nid: p.bigint('number'),
    created_at: p.bigint('number'),
    expires_at: p.bigint('number').nullable(),
    generation: p.bigint('number').defaultRaw('0'),
    is_unused: p.boolean().default(false),
  },
  indexes: [
    { name: 'access_tokens_device_nid_index', properties: ['device_nid'] },
    { name: 'access_tokens_user_nid_index', properties: ['user_nid'] },
  ],
});

export const refreshTokens = defineEntity({
  name: 'refresh_tokens',
  properties: {
    token_hash: p.blob().primary(),
    user_nid: p.bigint('number'),
    device_nid: p.bigint('number'),
    generation: p.bigint('number'),
    is_revoked: p.boolean().default(false),
    created_at: p.bigint('number'),
  },
  indexes: [
    { name: 'refresh_tokens_device_nid_index', properties: ['device_nid'] },
    { name: 'refresh_tokens_user_nid_index', properties: ['user_nid'] },
  ],
});

export const loginTokens = defineEntity({
  name: 'login_tokens',
  properties: {
    token_hash: p.blob().primary(),
    user_nid: p.bigint('number'),
    expires_at: p.bigint('number'),
  },
  indexes: [
    { name: 'login_tokens_user_nid_index', properties: ['user_nid'] },
    { name: 'login_tokens_expires_at_index', properties: ['expires_at'] },
  ],
});

export const openidTokens = defineEntity({
  name: 'openid_tokens',
  properties: {
    token_hash: p.blob().primary(),
    user_nid: p.bigint('number'),
    expires_at: p.bigint('number'),
  },
  indexes: [
    { name: 'openid_tokens_user_nid_index', properties: ['user_nid'] },
    { name: 'openid_tokens_expires_at_index', properties: ['expires_at'] },
  ],
});

export const registrationTokens = defineEntity({
  name: 'registration_tokens',
  properties: {
    token: p.text().primary(),
    uses_allowed: p.bigint('number').nullable(),
    completed: p.bigint('number').defaultRaw('0'),
    expires_at: p.bigint('number').nullable(),
    created_at: p.bigint('number'),
  },
});

export const uiaSessions = defineEntity({
  name: 'uia_sessions',
  properties: {
    session_id: p.text().primary(),
    operation: p.text(),
    request_hash: p.blob(),
    user_nid: p.bigint('number').defaultRaw('0'),
    completed: p.array(),
    registration_token: p.text().nullable(),
    created_at: p.bigint('number'),
  },
  indexes: [
    { name: 'uia_sessions_created_at_index', properties: ['created_at'] },
    { name: 'uia_sessions_user_nid_index', properties: ['user_nid', 'created_at'] },
  ],
});

export const filters = defineEntity({
  name: 'filters',
  properties: {
    user_nid: p.bigint('number').primary(),
    filter_id: p.bigint('number').primary(),
    definition: p.text(),
  },
});
