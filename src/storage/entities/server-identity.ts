/** Owns the entities that say who this server is: its names, keys, token epochs and secrets. */
import { defineEntity, p } from '@mikro-orm/postgresql';

export const localServers = defineEntity({
  name: 'local_servers',
  properties: {
    server_name: p.text().primary(),
    created_at: p.bigint('number'),
  },
});

export const signingKeys = defineEntity({
  name: 'signing_keys',
  properties: {
    server_name: p.text().primary(),
    key_id: p.text().primary(),
    seed: p.blob(),
    created_at: p.bigint('number'),
    expired_ts: p.bigint('number').nullable(),
  },
});

export const tokenEpochs = defineEntity({
  name: 'token_epochs',
  properties: {
    epoch: p.bigint('number').primary().autoincrement(false),
    system_identifier: p.text(),
    timeline_id: p.bigint('number'),
    started_at: p.bigint('number'),
    ended_positions: p.array<number>(Number).columnType('bigint[]').nullable(),
  },
});

export const serverSecrets = defineEntity({
  name: 'server_secrets',
  properties: {
    name: p.text().primary(),
    secret: p.blob(),
  },
});
