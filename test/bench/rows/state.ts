/** Owns the rows `state-…`: what a change of a room's state takes on disk, and a look into an old one, without a server. */
import { Client, TypeOverrides, types, type ClientConfig } from 'pg';
import { parseInt8 } from '#storage/client-config.ts';
import { ping, txOn, type Tx } from '#storage/database.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import { createStateTries, type NewNode, type StateRoot, type StateTries } from '#storage/rooms/state-tries.ts';
import { elementAt, type Measurement, type Row } from '#test/bench/context.ts';
import { percentile } from '#test/bench/recorder.ts';
import { seededNumbers } from '#test/support/seeded.ts';

const memberCounts = [10, 1_000, 50_000];
const changesMax = 5_000;
const lookUpsMax = 500;
const nodesAtOnce = 2_000;
const roomNid = 1;
const secret = 7;

export const state: Row = {
  name: 'state',
  async run({ database, seconds }) {
    const connection = database?.();
    if (connection === undefined) return [notMeasured('the database is not known')];
    await using table = await openTable(connection);
    if (table === undefined) return [notMeasured('the database has no table of state nodes')];
    // Ten seconds give the figures of the documentation.
    const share = Math.min(1, seconds / 10);
    const changes = Math.ceil(changesMax * share);
    const measurements: Measurement[] = [];
    let lookUp: Measurement | undefined;
    for (const members of memberCounts) {
      const room = new BenchRoom(table, Math.ceil(members * share));
      await room.fill();
      const before = await table.bytes();
      for (let change = 0; change < changes; change++) await room.change();
      await room.flush();
      const bytes = ((await table.bytes()) - before) / changes;
      const notes = [
        `${(room.nodesWritten / changes).toFixed(1)} nodes and ${(bytes / Math.log2(members)).toFixed(0)} bytes per doubling of the members`,
      ];
      measurements.push({ row: `state-${members}`, measured: bytes, unit: 'B', faults: await room.faults(), notes });
      lookUp = await room.lookUps(Math.ceil(lookUpsMax * share));
      await table.clear();
    }
    return lookUp === undefined ? measurements : [...measurements, lookUp];
  },
};

function notMeasured(why: string): Measurement {
  return { row: 'state', measured: undefined, unit: 'B', notes: [`not measured: ${why}`] };
}

type Table = AsyncDisposable & {
  readonly tx: Tx;
  readonly insert: (nodes: readonly NewNode[]) => Promise<void>;
  /** With its index, as far as it is filled. */
  readonly bytes: () => Promise<number>;
  readonly clear: () => Promise<void>;
};

/** A table as the server's own, in a schema that is removed again; undefined where the server has none. */
async function openTable(connection: ClientConfig): Promise<Table | undefined> {
  const read = new TypeOverrides();
  read.setTypeParser(types.builtins.INT8, parseInt8);
  // The function that reads a path is the server's own, the table is not.
  const client = new Client({ ...connection, types: read, options: '-c search_path=causeway_bench,public' });
  await client.connect();
  const close = async (): Promise<void> => {
    await client.query('drop schema if exists causeway_bench cascade');
    await client.end();
  };
  const found = await client.query<{ found: boolean }>(`select to_regclass('public.state_nodes') is not null as found`);
  if (found.rows[0]?.found !== true) {
    await client.end();
    return undefined;
  }
  await client.query('drop schema if exists causeway_bench cascade');
  await client.query('create schema causeway_bench');
  await client.query('create table causeway_bench.state_nodes (like public.state_nodes including all)');
  return {
    tx: txOn(client),
    insert: async (nodes) => {
      await client.query({
        name: 'bench_insert_nodes',
        text: 'insert into state_nodes select $1, nid, entries from unnest($2::bigint[], $3::bytea[]) as n(nid, entries)',
        values: [roomNid, nodes.map(({ nodeNid }) => nodeNid), nodes.map(({ entries }) => entries)],
      });
    },
    bytes: async () => {
      const size = await client.query<{ bytes: number }>(`select pg_total_relation_size('state_nodes') as bytes`);
      return size.rows[0]?.bytes ?? 0;
    },
    clear: async () => void (await client.query('truncate state_nodes')),
    [Symbol.asyncDispose]: close,
  };
}

/** A room whose members change their names one after the other, and its state as a plain map says it is. */
class BenchRoom {
  readonly #table: Table;
  readonly #members: number;
  readonly #tries: StateTries;
  readonly #random = seededNumbers(1);
  readonly #nids: NidAllocator;
  readonly #model = new Map<number, number>();
  readonly #roots: StateRoot[] = [];
  #unwritten: NewNode[] = [];
  #root: StateRoot = 0;
  nodesWritten = 0;

  constructor(table: Table, members: number) {
    this.#table = table;
    this.#members = members;
    // Events take their numbers from the same row as nodes.
    let next = 10_000_000;
    this.#nids = { reserve: async (_, use) => use(), take: () => next++ };
    this.#tries = createStateTries({ nids: this.#nids, secret });
  }

  /** The state with all members, built as it is in a room: one after the other. */
  async fill(): Promise<void> {
    for (let keyNid = 1; keyNid <= this.#members; keyNid++) await this.#set(keyNid);
    await this.flush();
    this.nodesWritten = 0;
  }

  async change(): Promise<void> {
    await this.#set(1 + Math.floor(this.#random() * this.#members));
    this.#roots.push(this.#root);
  }

  async #set(keyNid: number): Promise<void> {
    const eventNid = this.#nids.take();
    const { root, nodes } = await this.#tries.set(this.#table.tx, roomNid, this.#root, keyNid, eventNid);
    this.#root = root;
    this.#model.set(keyNid, eventNid);
    this.#unwritten.push(...nodes);
    this.nodesWritten += nodes.length;
    if (this.#unwritten.length >= nodesAtOnce) await this.flush();
  }

  async flush(): Promise<void> {
    await this.#table.insert(this.#unwritten);
    this.#unwritten = [];
  }

  async faults(): Promise<string[]> {
    const stored = createStateTries({ nids: this.#nids, secret });
    const entries = await stored.entries(this.#table.tx, roomNid, this.#root);
    const wrong = entries.filter(([keyNid, eventNid]) => this.#model.get(keyNid) !== eventNid).length;
    return wrong === 0 && entries.length === this.#model.size ? [] : ['the state does not read as it was written'];
  }

  /** One entry of an old state each, with nothing in memory. Beside each a round trip that does nothing: the machine's part. */
  async lookUps(count: number): Promise<Measurement> {
    const durationsMs: number[] = [];
    const bareMs: number[] = [];
    for (let lookUp = 0; lookUp < count; lookUp++) {
      const root = elementAt(this.#roots, Math.floor(this.#random() * this.#roots.length));
      const keyNid = 1 + Math.floor(this.#random() * this.#members);
      const tries = createStateTries({ nids: this.#nids, secret });
      const started = performance.now();
      await tries.find(this.#table.tx, roomNid, root, keyNid);
      const ended = performance.now();
      durationsMs.push(ended - started);
      await this.#table.tx.query(ping, []);
      bareMs.push(performance.now() - ended);
    }
    const [p50Ms, p99Ms] = [percentile(durationsMs, 0.5), percentile(durationsMs, 0.99)];
    const [bareP50Ms = 0, bareP99Ms = 0] = [percentile(bareMs, 0.5), percentile(bareMs, 0.99)];
    const notes = [
      `a round trip in between that does nothing: p50 ${bareP50Ms.toFixed(2)}, p99 ${bareP99Ms.toFixed(2)} ms`,
    ];
    return { row: 'state-lookup', measured: p50Ms, unit: 'ms', p50Ms, p99Ms, notes };
  }
}
