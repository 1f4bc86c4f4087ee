/** Owns account data: users' own settings, of the account or of a room. Specification: Client-Server API, "Client Config". */
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { countAccountDataTypes, findAccountDataContent, lockAccountData } from '#storage/users/find-account-data.ts';
import type { StreamTx, WriteStreams } from '#streams/stream-writer.ts';

const CONTENT_BYTES_MAX = 512 * 1024;
const TYPE_LENGTH_MAX = 255;
const TYPES_MAX = 1_000;

/** Which account data: `roomNid` is 0 for that of the account. */
export type AccountDataKey = { readonly userNid: number; readonly roomNid: number; readonly type: string };

/** Types that other operations set, as they mean more than a setting. */
const setElsewhere: ReadonlySet<string> = new Set(['m.fully_read', 'm.push_rules']);

/** The text of a JSON object, or undefined where nothing is set. */
export function findAccountData(db: ReadTx, { userNid, roomNid, type }: AccountDataKey): Promise<string | undefined> {
  return findAccountDataContent(db, userNid, roomNid, type);
}

/**
 * Sets account data to the text of a JSON object. Throws M_BAD_JSON (405) for types that are set by operations of their
 * own, M_TOO_LARGE, and M_LIMIT_EXCEEDED for more types than a thousand.
 */
export async function setAccountData(write: WriteStreams, key: AccountDataKey, content: string): Promise<void> {
  const { userNid, roomNid, type } = key;
  if (setElsewhere.has(type)) {
    throw new MatrixError('M_BAD_JSON', `${type} has an operation of its own by which it is set.`, { status: 405 });
  }
  if (type.length > TYPE_LENGTH_MAX) {
    throw new MatrixError('M_INVALID_PARAM', `A type has at most ${TYPE_LENGTH_MAX} characters.`);
  }
  requireFit(content);
  await write('userData', async (tx) => {
    const known = await countAccountDataTypes(tx, userNid, roomNid, TYPES_MAX);
    if (known >= TYPES_MAX && (await findAccountDataContent(tx, userNid, roomNid, type)) === undefined) {
      throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', `There is account data of ${TYPES_MAX} types already.`);
    }
    tx.add({ accountData: [{ ...key, content }] });
  });
}

/**
 * Sets account data to what `change` makes of it, which is given undefined where nothing is set; undefined leaves it as it
 * is. Changes of one account follow one another, in whatever process.
 */
export async function changeAccountData(
  tx: StreamTx,
  key: AccountDataKey,
  change: (content: string | undefined) => string | undefined,
): Promise<void> {
  const content = change(await lockAndFindAccountData(tx, key));
  if (content === undefined) return;
  requireFit(content);
  tx.add({ accountData: [{ ...key, content }] });
}

/** What is set, which nobody else changes until the transaction ends. */
export async function lockAndFindAccountData(tx: StreamTx, key: AccountDataKey): Promise<string | undefined> {
  await lockAccountData(tx, key.userNid);
  const isSame = (row: AccountDataKey): boolean =>
    row.userNid === key.userNid && row.roomNid === key.roomNid && row.type === key.type;
  const waiting = tx.added('accountData').findLast(isSame);
  return waiting?.content ?? findAccountData(tx, key);
}

function requireFit(content: string): void {
  if (Buffer.byteLength(content) > CONTENT_BYTES_MAX) {
    throw new MatrixError('M_TOO_LARGE', `Account data of one type has at most ${CONTENT_BYTES_MAX} bytes.`);
  }
}
