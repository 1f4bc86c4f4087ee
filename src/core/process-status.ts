/** Owns what a running process says of itself to the operator. */
import type { RecentError } from '#core/recent-errors.ts';
import { readVersion } from '#core/version.ts';

/** How processes of this server wake each other. */
type WakeUps = {
  readonly carrier: 'postgresql' | 'redis';
  readonly connected: boolean;
  readonly since: number;
  readonly reason: string | undefined;
};

/** Times are milliseconds since the Unix epoch. */
export type ProcessStatus = {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly started_at: number;
  readonly addresses: readonly string[];
  readonly resident_bytes: number;
  /** `reason` says why it is not connected; the process works without, and is told later what others have done. */
  readonly wake_ups: WakeUps;
  /** The newest first. */
  readonly last_errors: readonly RecentError[];
};

export function processStatus(known: {
  readonly startedAt: number;
  readonly addresses: readonly string[];
  readonly errors: readonly RecentError[];
  readonly wakeUps: WakeUps;
}): ProcessStatus {
  const { carrier, connected, since, reason } = known.wakeUps;
  return {
    version: readVersion(),
    node: process.versions.node,
    pid: process.pid,
    started_at: known.startedAt,
    addresses: known.addresses,
    resident_bytes: process.memoryUsage.rss(),
    wake_ups: { carrier, connected, since, reason },
    last_errors: known.errors,
  };
}
