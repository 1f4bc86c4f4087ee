/** Owns the rows `delivery-across-300` and `-1000`: from a send at one process to the waiting /sync at another. */
import type { ClientConfig } from 'pg';
import { openContext, type BenchContext, type Measurement, type Row } from '#test/bench/context.ts';
import { OwnServer } from '#test/bench/own-server.ts';
import { makeRooms, measureRate } from '#test/bench/rows/delivery.ts';

const ratesPerSecond = [300, 1000];

export const deliveryAcross: Row = {
  name: 'delivery-across',
  run: async (context) => {
    const database = context.ownServer === undefined ? undefined : context.database?.();
    if (database === undefined) return ratesPerSecond.map(notMeasured);
    // The first process has the usual address for its metrics.
    const environment = { CAUSEWAY_METRICS_LISTEN: '' };
    await using second = await OwnServer.create(urlOf(database), undefined, environment);
    await second.start();
    const both = withSecond(context, second);
    using receiving = openContext({ ...both, target: second.target, registrationToken: undefined });
    const rooms = await makeRooms(context);
    const measurements: Measurement[] = [];
    for (const perSecond of ratesPerSecond)
      measurements.push(await measureRate(both, rooms, { name: nameOf(perSecond), perSecond, receiving }));
    const faults = await second.stop();
    const carrier = process.env['CAUSEWAY_REDIS_URL'] === undefined ? 'NOTIFY' : 'Redis';
    return measurements.map((measurement) => ({
      ...measurement,
      faults: [...(measurement.faults ?? []), ...faults],
      notes: [...(measurement.notes ?? []), `wake-ups by ${carrier}`],
    }));
  },
};

const nameOf = (perSecond: number): string => `delivery-across-${perSecond}`;

function notMeasured(perSecond: number): Measurement {
  const notes = ['not measured: only a server that the benchmark started can be given a second process'];
  return { row: nameOf(perSecond), measured: undefined, unit: 'ms', notes };
}

/** Counts the processor time of both processes as the server's. */
function withSecond(context: BenchContext, second: OwnServer): BenchContext {
  const first = context.serverProcesses;
  return { ...context, serverProcesses: () => [...(first?.() ?? []), ...second.processes()] };
}

function urlOf({ connectionString, host, port, user, database }: ClientConfig): string {
  return connectionString ?? `postgresql://${user}@${encodeURIComponent(host ?? '')}:${port}/${database}`;
}
