/** Owns when messages to devices go: when they are acknowledged, or with their device; to another server, when it has them. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { ReadTx, Tx } from '#storage/database.ts';
import { deleteDevicesIn, deleteMessagesUpTo } from '#storage/streams/delete-to-device-messages.ts';
import { deleteSentMessages } from '#storage/streams/to-device-outbox.ts';
import type { ChangeStream } from '#streams/change-stream.ts';

/** Deletes what waits for devices that are removed, in the transaction that removes them. */
export async function deleteToDeviceMessages(
  tx: Tx,
  { deviceNids }: { readonly deviceNids: readonly number[] },
): Promise<void> {
  await deleteDevicesIn(tx, deviceNids);
}

/** Deletes what transactions to a server have taken, which are kept until it has them. */
export async function deleteMessagesTo(db: ReadTx, serverName: string): Promise<void> {
  await deleteSentMessages(db, serverName);
}

const DEVICES_MAX = 100_000;

/** The messages that devices have had, by their tokens. */
export class AcknowledgedMessages {
  readonly #database: ReadTx;
  readonly #stream: ChangeStream;
  readonly #upTo = new BoundedMap<number, number>({ sizeMax: DEVICES_MAX });

  constructor(database: ReadTx, stream: ChangeStream) {
    this.#database = database;
    this.#stream = stream;
  }

  /** A device has had its messages up to a position. Asks the database only if there may be some. */
  async acknowledge(deviceNid: number, pos: number): Promise<void> {
    const before = this.#upTo.get(deviceNid);
    if (before !== undefined && before >= pos) return;
    const isQuiet =
      before !== undefined &&
      this.#stream.reachesBackTo(before) &&
      !this.#stream.hasSince('toDevice', deviceNid, before);
    if (!isQuiet) await deleteMessagesUpTo(this.#database, deviceNid, pos);
    this.#upTo.set(deviceNid, pos);
  }
}
