/** Owns the first schema, whole. It is rewritten freely until version 0.1; afterwards migrations are only added. */
import { Migration } from '@mikro-orm/migrations';
import { accountsSql } from '#migrations/baseline/accounts.ts';
import { deliverySql } from '#migrations/baseline/delivery.ts';
import { encryptionSql } from '#migrations/baseline/encryption.ts';
import { eventGraphSql } from '#migrations/baseline/event-graph.ts';
import { persistFunctionsSql } from '#migrations/baseline/persist-functions.ts';
import { roomMembersSql } from '#migrations/baseline/room-members.ts';
import { serverIdentitySql } from '#migrations/baseline/server-identity.ts';
import { userStreamsSql } from '#migrations/baseline/user-streams.ts';

export class Migration20261122000000_baseline extends Migration {
  override up(): void {
    for (const sql of [
      eventGraphSql,
      roomMembersSql,
      accountsSql,
      userStreamsSql,
      encryptionSql,
      deliverySql,
      serverIdentitySql,
      persistFunctionsSql,
    ]) {
      this.addSql(sql);
    }
  }
}
