/**
 * Owns the record of a trial: what the clients asked for and were told, line by line as JSON, in the order in which it
 * happened to them. Moments are milliseconds of one monotonic clock, that of the clients.
 */
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { once } from 'node:events';

/**
 * `message` and `toDevice` have a transaction id and happen once however often they are asked for; `state` and
 * `receipt` have none, so that each attempt whose outcome is unknown may have happened too.
 */
export type OperationKind = 'message' | 'state' | 'receipt' | 'toDevice';

/** A client begins an operation. Those of one `lane` follow each other: the next begins when the one before has ended. */
export type Invocation = {
  readonly t: 'invoke';
  /** Names the operation in the whole run; it is in the content, and is the transaction id of what has one. */
  readonly key: string;
  readonly kind: OperationKind;
  readonly lane: string;
  readonly sender: string;
  readonly at: number;
  /** Of messages, state and receipts. */
  readonly roomId?: string;
  /** Of receipts: what is read. */
  readonly eventId?: string;
  /** Of messages to devices: user id and device id. */
  readonly target?: string;
};

/** One request for an operation: acknowledged, refused for good, or nobody knows whether it happened. */
export type Attempt = {
  readonly t: 'attempt';
  readonly key: string;
  readonly server: number;
  readonly began: number;
  readonly ended: number;
  readonly outcome: 'acknowledged' | 'refused' | 'unknown';
  /** The status of the answer; 0 when there was none. */
  readonly status: number;
  readonly eventId?: string;
};

/** A client begins to follow: with nothing, or with a copy of what it had after some answers of an earlier chain. */
export type ChainStart = {
  readonly t: 'chain';
  readonly client: string;
  readonly chain: number;
  readonly basis?: { readonly chain: number; readonly answers: number };
};

/** An answer of /sync that a client took in, with the gaps of limited timelines filled from /messages. */
export type SyncAnswered = {
  readonly t: 'sync';
  readonly client: string;
  readonly chain: number;
  readonly server: number;
  readonly ended: number;
  readonly since: string | null;
  readonly next: string;
  readonly rooms: Readonly<Record<string, SyncedEvents>>;
  /** Room, user, event. */
  readonly receipts: readonly (readonly [string, string, string])[];
  /** Keys, in the order of the answer. */
  readonly toDevice: readonly string[];
};

export type SyncedEvents = {
  /** Event ids, oldest first. */
  readonly events: readonly string[];
  /** What changed in the state: type and state key joined, event id. */
  readonly state: readonly (readonly [string, string])[];
};

/** What a client knows in the end is of this chain, which must reach the end of all of these rooms. */
export type ChainEnd = {
  readonly t: 'end';
  readonly client: string;
  readonly chain: number;
  /** User id and device id, as messages to devices name it. */
  readonly device: string;
  readonly rooms: readonly string[];
};

/** A room as one process shows it when all is quiet. */
export type RoomView = {
  readonly t: 'view';
  readonly server: number;
  readonly roomId: string;
  /** Oldest first: event id, sender, and the key of what the load sent. */
  readonly events: readonly (readonly [string, string, string | null])[];
  /** Type and state key joined, event id. */
  readonly state: readonly (readonly [string, string])[];
  /** Users who are joined by this state. */
  readonly joined: readonly string[];
  /** User, event. */
  readonly receipts: readonly (readonly [string, string])[];
};

/** The rooms that a user is joined to, as the first sync at one process shows it when all is quiet. */
export type JoinedView = {
  readonly t: 'joined';
  readonly server: number;
  readonly userId: string;
  readonly rooms: readonly string[];
};

/** Where the events stand in the stream, as the database has it in the end: event id, position. */
export type Positions = { readonly t: 'positions'; readonly events: readonly (readonly [string, number])[] };

/** What was done to the system, for whoever reads the history and for the latencies. */
export type Fault = {
  readonly t: 'fault';
  readonly what: string;
  /** The process that it befell; absent where it befell several. */
  readonly server?: number;
  readonly began: number;
  readonly ended: number;
};

export type HistoryRecord =
  | Invocation
  | Attempt
  | ChainStart
  | SyncAnswered
  | ChainEnd
  | RoomView
  | JoinedView
  | Positions
  | Fault;

/** Writes records to a file, one a line. */
export class HistoryWriter {
  readonly path: string;
  readonly #stream: WriteStream;

  constructor(path: string) {
    this.path = path;
    this.#stream = createWriteStream(path);
  }

  write(record: HistoryRecord): void {
    this.#stream.write(JSON.stringify(record) + '\n');
  }

  /** Resolves when everything is in the file. */
  async close(): Promise<void> {
    this.#stream.end();
    await once(this.#stream, 'close');
  }
}

/** All records of a file, in order. */
export async function readHistory(path: string): Promise<HistoryRecord[]> {
  const records: HistoryRecord[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    // The file is one that `HistoryWriter` wrote.
    const record: HistoryRecord = JSON.parse(line);
    records.push(record);
  }
  return records;
}
