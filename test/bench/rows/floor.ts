/** Owns the row `floor`: what the database and the disk below the server can do at this moment. */
import type { Measurement, Row } from '#test/bench/context.ts';
import { measureDisk } from '#test/bench/disk.ts';
import { type Floor, measureFloor } from '#test/bench/floor.ts';

export const floor: Row = {
  name: 'floor',
  run: async ({ database, diskDirectory, seconds }) => {
    const connection = database?.();
    const measured = connection === undefined ? undefined : await measureFloor(connection, Math.min(5, seconds));
    return [floorMeasurement(measured), diskMeasurement(diskDirectory)];
  },
};

function floorMeasurement(measured: Floor | undefined): Measurement {
  if (measured === undefined) {
    return { row: 'floor', measured: undefined, unit: '/s', notes: ['not measured: no database; see --database-url'] };
  }
  const driver = Math.round(measured.driverPerSecond).toLocaleString('en');
  return {
    row: 'floor',
    measured: measured.perSecond,
    unit: '/s',
    p50Ms: measured.p50Ms,
    p99Ms: measured.p99Ms,
    notes: [
      `through the pg driver ${driver}/s`,
      ...(measured.durable
        ? []
        : ['**fsync or synchronous_commit is off: this is no floor, and nothing above it is durable**']),
    ],
  };
}

function diskMeasurement(directory: string | undefined): Measurement {
  if (directory === undefined) {
    return { row: 'disk', measured: undefined, unit: 'ms', notes: ['not measured: no directory; see --data-dir'] };
  }
  const { p50Ms, p99Ms, count } = measureDisk(directory);
  return { row: 'disk', measured: p50Ms, unit: 'ms', p50Ms, p99Ms, requests: count, notes: ['fdatasync after 8 kB'] };
}
