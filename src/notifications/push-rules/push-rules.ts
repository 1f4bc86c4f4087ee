/** Owns the push rules that users have: reading them, and changing them one after the other. */
import type { PushRuleset } from '#matrix/push-rules/push-rule.ts';
import { pushRulesContent, readPushRules } from '#notifications/push-rules/merge-push-rules.ts';
import type { ReadTx } from '#storage/database.ts';
import type { WriteStreams } from '#streams/stream-writer.ts';
import { changeAccountData, findAccountData } from '#users/account-data.ts';

export type RulesOwner = { readonly userId: string; readonly userNid: number };

const keyOf = ({ userNid }: RulesOwner) => ({ userNid, roomNid: 0, type: 'm.push_rules' });

export async function findPushRules(db: ReadTx, owner: RulesOwner): Promise<PushRuleset> {
  return readPushRules(owner.userId, await findAccountData(db, keyOf(owner)));
}

/** Sets the rules to what `change` makes of them, which may throw and then changes nothing. Every client is told by sync. */
export async function changePushRules(
  write: WriteStreams,
  owner: RulesOwner,
  change: (rules: PushRuleset) => PushRuleset,
): Promise<void> {
  await write('userData', (tx) =>
    changeAccountData(tx, keyOf(owner), (content) => pushRulesContent(change(readPushRules(owner.userId, content)))),
  );
}
