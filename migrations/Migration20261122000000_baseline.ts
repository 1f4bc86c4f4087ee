/** Owns the first schema, whole. It is rewritten freely until version 0.1; afterwards migrations are only added. */
import { Migration } from '@mikro-orm/migrations';
import { baselineFingerprint, baselineStatements } from '#migrations/baseline/statements.ts';

export class Migration20261122000000_baseline extends Migration {
  override up(): void {
    for (const sql of baselineStatements) this.addSql(sql);
    this.addSql(`comment on table mikro_orm_migrations is '${baselineFingerprint}'`);
  }
}
