/** Owns the statements of the first schema in their order, and the fingerprint by which a database says it has them. */
import { createHash } from 'node:crypto';
import { accountsSql } from '#migrations/baseline/accounts.ts';
import { deliverySql } from '#migrations/baseline/delivery.ts';
import { encryptionSql } from '#migrations/baseline/encryption.ts';
import { eventGraphSql } from '#migrations/baseline/event-graph.ts';
import { outOfBandSql } from '#migrations/baseline/out-of-band.ts';
import { persistFunctionsSql } from '#migrations/baseline/persist-functions.ts';
import { roomMembersSql } from '#migrations/baseline/room-members.ts';
import { serverIdentitySql } from '#migrations/baseline/server-identity.ts';
import { stateFunctionsSql } from '#migrations/baseline/state-functions.ts';
import { userStreamsSql } from '#migrations/baseline/user-streams.ts';

export const baselineStatements: readonly string[] = [
  eventGraphSql,
  roomMembersSql,
  accountsSql,
  userStreamsSql,
  encryptionSql,
  deliverySql,
  serverIdentitySql,
  persistFunctionsSql,
  outOfBandSql,
  stateFunctionsSql,
];

/** Whether two programs mean the same schema, however the statements are laid out. */
export const baselineFingerprint = createHash('sha256')
  .update(baselineStatements.join('\n').replaceAll(/\s+/g, ' '))
  .digest('base64url');
