/** Owns the rows that the transactions of a batch add to the streams, until the flush. */
import type { Tx } from '#storage/database.ts';
import {
  rowWriters,
  type RowKind,
  type RowOf,
  type RowWriter,
  type StreamRows,
  type WrittenRow,
} from '#storage/streams/stream-rows.ts';

/** Rows of one kind. */
class RowSet<Row> {
  readonly rows: Row[] = [];
  readonly #writer: RowWriter<Row>;

  constructor(writer: RowWriter<Row>) {
    this.#writer = writer;
  }

  get stream(): number {
    return this.#writer.stream;
  }

  /** Sends the statement that writes the rows, under the stream's lock; `count` is how many take a position. */
  write(tx: Tx): { readonly count: number; readonly written: Promise<WrittenRow[]> } {
    const rows = this.#distinct();
    return { count: rows.length, written: this.#writer.write(tx, rows) };
  }

  #distinct(): readonly Row[] {
    const { keyOf, staysOver } = this.#writer;
    if (keyOf === undefined || this.rows.length === 1) return this.rows;
    const byKey = new Map<string, Row>();
    for (const row of this.rows) {
      const key = keyOf(row);
      const earlier = byKey.get(key);
      if (earlier === undefined || staysOver?.(earlier, row) !== true) byKey.set(key, row);
    }
    return [...byKey.values()];
  }
}

export class CollectedRows {
  /** In the order in which they are written: streams ascend. */
  readonly #sets: { readonly [Kind in RowKind]: RowSet<RowOf<Kind>> } = {
    accountData: new RowSet(rowWriters.accountData),
    receipts: new RowSet(rowWriters.receipts),
    completedRooms: new RowSet(rowWriters.completedRooms),
    toDevice: new RowSet(rowWriters.toDevice),
    outbox: new RowSet(rowWriters.outbox),
    deviceLists: new RowSet(rowWriters.deviceLists),
    deviceUpdates: new RowSet(rowWriters.deviceUpdates),
    deviceKeys: new RowSet(rowWriters.deviceKeys),
    trust: new RowSet(rowWriters.trust),
    typing: new RowSet(rowWriters.typing),
    presence: new RowSet(rowWriters.presence),
  };

  add(rows: StreamRows): void {
    this.#sets.accountData.rows.push(...(rows.accountData ?? []));
    this.#sets.completedRooms.rows.push(...(rows.completedRooms ?? []));
    this.#sets.receipts.rows.push(...(rows.receipts ?? []));
    this.#sets.toDevice.rows.push(...(rows.toDevice ?? []));
    this.#sets.outbox.rows.push(...(rows.outbox ?? []));
    this.#sets.deviceLists.rows.push(...(rows.deviceLists ?? []));
    this.#sets.deviceUpdates.rows.push(...(rows.deviceUpdates ?? []));
    this.#sets.deviceKeys.rows.push(...(rows.deviceKeys ?? []));
    this.#sets.trust.rows.push(...(rows.trust ?? []));
    this.#sets.typing.rows.push(...(rows.typing ?? []));
    this.#sets.presence.rows.push(...(rows.presence ?? []));
  }

  /** Rows of a kind that transactions before in the batch, and the one in progress, have added. */
  of<Kind extends RowKind>(kind: Kind): readonly RowOf<Kind>[] {
    return this.#sets[kind].rows;
  }

  /** Numbers of the streams that get rows, ascending. */
  streams(): number[] {
    return [...new Set(this.#filled().map((set) => set.stream))];
  }

  /** Sends the statements that write a stream's rows. */
  write(tx: Tx, stream: number): { readonly count: number; readonly written: Promise<WrittenRow[]> }[] {
    return this.#filled()
      .filter((set) => set.stream === stream)
      .map((set) => set.write(tx));
  }

  #filled() {
    return Object.values(this.#sets).filter((set) => set.rows.length > 0);
  }
}
