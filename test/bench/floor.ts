/** Owns the floor: how many durable single inserts per second this PostgreSQL takes on one connection, right now. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type ClientConfig } from 'pg';
import { percentile } from '#test/bench/recorder.ts';

export type Floor = {
  /** Prepared inserts with a committed answer each, the messages written once: within a tenth of pgbench's figure. */
  perSecond: number;
  p50Ms: number | undefined;
  p99Ms: number | undefined;
  /** The same through the `pg` driver's named statement: what of the floor a Node server can have at best. */
  driverPerSecond: number;
  /** Whether the database makes commits durable; a floor without fsync is none. */
  durable: boolean;
};

const statement = {
  name: 'causeway_bench_floor',
  text: 'insert into causeway_bench.floor (room, body) values ($1, $2) returning id',
  values: ['42', 'x'.repeat(200)],
};

const schema = `
  drop schema if exists causeway_bench cascade;
  create schema causeway_bench;
  create table causeway_bench.floor (
    id bigint generated always as identity primary key, room bigint not null, body text not null
  );
  create index on causeway_bench.floor (room, id)`;

/** The type byte of ErrorResponse, `E`. */
const errorResponse = 0x45;

/** Where the embedded PostgreSQL of a data directory listens, from its own lock file; undefined when none runs there. */
export function embeddedConnection(dataDir: string): ClientConfig | undefined {
  for (const name of readdirSync(dataDir).filter((entry) => entry.startsWith('postgres-'))) {
    try {
      // postmaster.pid: process id, directory, start time, port, socket directory, one a line.
      const lines = readFileSync(join(dataDir, name, 'postmaster.pid'), 'utf8').split('\n');
      const [port, socketDir] = [Number(lines[3]), lines[4]];
      if (port > 0 && socketDir) return { host: socketDir, port, user: 'causeway', database: 'causeway' };
    } catch {
      // Not a cluster, or one that is not running.
    }
  }
  return undefined;
}

/** Measures for about `seconds`, in a schema of its own that it removes again. Throws what the database throws. */
export async function measureFloor(connection: ClientConfig, seconds: number): Promise<Floor> {
  const owner = await connectTo(connection);
  const inserter = await connectTo(connection);
  try {
    const settings = await owner.query<{ durable: boolean }>(
      "select current_setting('fsync') = 'on' and current_setting('synchronous_commit') <> 'off' as durable",
    );
    await owner.query(schema);
    const driverPerSecond = await insertByDriver(inserter, seconds / 4);
    const latenciesMs = await insertByHand(inserter, seconds);
    return {
      perSecond: latenciesMs.length / seconds,
      p50Ms: percentile(latenciesMs, 0.5),
      p99Ms: percentile(latenciesMs, 0.99),
      driverPerSecond,
      durable: settings.rows[0]?.durable === true,
    };
  } finally {
    await inserter.end();
    await owner.query('drop schema if exists causeway_bench cascade');
    await owner.end();
  }
}

async function connectTo(connection: ClientConfig): Promise<Client> {
  const client = new Client(connection);
  // A connection that breaks while nothing is asked of it reports here; the next query says it again.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function insertByDriver(client: Client, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let inserts = 0;
  for (; performance.now() < until; inserts += 1) await client.query(statement);
  return inserts / seconds;
}

/**
 * The driver costs 80–110 µs an insert where pgbench costs almost nothing, so the floor would sink with the driver.
 * Here the statement that the driver has prepared is executed by the same bytes again and again. Afterwards the
 * client is good for `end()` only.
 */
async function insertByHand(client: Client, seconds: number): Promise<number[]> {
  const { stream } = client.connection;
  stream.removeAllListeners('data');
  const execute = executionOf(statement.name, statement.values);
  const latenciesMs: number[] = [];
  const until = performance.now() + seconds * 1000;
  await new Promise<void>((resolve, reject) => {
    let sentAt = performance.now();
    stream.once('close', () => reject(new Error('the database closed the connection')));
    stream.on('data', (answer: Buffer) => {
      if (answer[0] === errorResponse) reject(new Error(`an insert failed: ${answer.toString('latin1', 5)}`));
      // The answer to a commit ends with ReadyForQuery, outside a transaction.
      if (answer.subarray(-6).toString('latin1') !== 'Z\0\0\0\u0005I') return;
      const now = performance.now();
      latenciesMs.push(now - sentAt);
      sentAt = now;
      if (now >= until) resolve();
      else stream.write(execute);
    });
    stream.write(execute);
  });
  return latenciesMs;
}

/** Bind, Execute and Sync of the frontend/backend protocol 3.0, all values as text. */
function executionOf(name: string, values: readonly string[]): Buffer {
  const parameters = values.map((value) => Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]));
  const bind = [Buffer.from(`\0${name}\0`), int16(0), int16(values.length), ...parameters, int16(0)];
  return Buffer.concat([message('B', bind), message('E', [Buffer.from('\0'), int32(0)]), message('S', [])]);
}

function message(type: string, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
