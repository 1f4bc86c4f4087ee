/** Owns what a row is given to work with, and that everything it opened is closed behind it. */
import type { ClientConfig } from 'pg';
import { Connection, type Target } from '#test/bench/connection.ts';
import { MatrixClient, register } from '#test/bench/matrix-client.ts';
import type { OwnServer } from '#test/bench/own-server.ts';
import type { ServerProcess } from '#test/bench/processes.ts';
import type { CpuShares } from '#test/bench/cpu.ts';
import type { Recorder } from '#test/bench/recorder.ts';

export type BenchContext = {
  readonly target: Target;
  readonly seconds: number;
  readonly connections: number;
  readonly signal: AbortSignal;
  /** The server's processes, when it runs on this machine and they are known. */
  readonly serverProcesses: (() => ServerProcess[]) | undefined;
  /** Set when the benchmark started the server itself and so may start it again. */
  readonly ownServer: OwnServer | undefined;
  /** Where the floor is measured; undefined without a database that can be reached. */
  readonly database: (() => ClientConfig | undefined) | undefined;
  /** The directory whose disk is measured. */
  readonly diskDirectory: string | undefined;
  /** A new connection, closed after the row or at an interruption. */
  connect(): Connection;
  /** Registers so many new users, each on a connection of its own. */
  makeUsers(count: number): Promise<MatrixClient[]>;
};

/** What one row found. `measured` is undefined where it could not be measured; `notes` say why. */
export type Measurement = {
  row: string;
  measured: number | undefined;
  unit: '/s' | 'ms' | 'MB' | 'KiB' | 'B';
  p50Ms?: number | undefined;
  p99Ms?: number | undefined;
  requests?: number;
  failed?: number;
  failures?: Record<string, number>;
  /** What the server did wrong: each makes the benchmark end with an error. */
  faults?: string[];
  notes?: string[];
  cpu?: CpuShares;
};

/** One row of the benchmark, or a few that share their preparation. */
export type Row = {
  name: string;
  /** Judged as a ratio to the floor, so that the floor is measured again right before it. */
  needsFloor?: boolean;
  run(context: BenchContext): Promise<Measurement[]>;
};

/** Password hashing is made to be slow, so more at once would only queue on the server. */
const registrationsAtOnce = 10;

/** The context of one row; disposing it closes all its connections. */
export function openContext(
  fixed: Omit<BenchContext, 'connect' | 'makeUsers'> & { registrationToken: string | undefined },
): BenchContext & Disposable {
  const opened = new Set<Connection>();
  const closeAll = (): void => {
    for (const connection of opened) connection[Symbol.dispose]();
  };
  fixed.signal.addEventListener('abort', closeAll, { once: true });
  const connect = (): Connection => {
    fixed.signal.throwIfAborted();
    const connection = new Connection(fixed.target);
    opened.add(connection);
    return connection;
  };
  return {
    ...fixed,
    connect,
    makeUsers: (count) =>
      inParallel(count, registrationsAtOnce, async () => {
        const connection = connect();
        return new MatrixClient(connection, await register(connection, fixed.registrationToken));
      }),
    [Symbol.dispose]: () => {
      fixed.signal.removeEventListener('abort', closeAll);
      closeAll();
    },
  };
}

/** Runs `make` for 0 … count−1, so many at once; the results stand in that order. The first failure is thrown. */
export async function inParallel<T>(count: number, atOnce: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      try {
        results[index] = await make(index);
      } catch (error) {
        next = count;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, work));
  return results;
}

/** The element that the caller knows to be there. */
export function elementAt<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`There is no element ${index} in a list of ${list.length}.`);
  return element;
}

/** The part of a measurement that comes from a recorder. */
export function counted(recorder: Recorder): { requests: number; failed: number; failures: Record<string, number> } {
  return {
    requests: recorder.latenciesMs.length,
    failed: recorder.failed,
    failures: Object.fromEntries(recorder.failures),
  };
}
