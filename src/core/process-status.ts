/** Owns what a running process says of itself to the operator. */
import type { RecentError } from '#core/recent-errors.ts';
import { readVersion } from '#core/version.ts';

/** Times are milliseconds since the Unix epoch. */
export type ProcessStatus = {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly started_at: number;
  readonly addresses: readonly string[];
  readonly resident_bytes: number;
  /** The newest first. */
  readonly last_errors: readonly RecentError[];
};

export function processStatus(known: {
  readonly startedAt: number;
  readonly addresses: readonly string[];
  readonly errors: readonly RecentError[];
}): ProcessStatus {
  return {
    version: readVersion(),
    node: process.versions.node,
    pid: process.pid,
    started_at: known.startedAt,
    addresses: known.addresses,
    resident_bytes: process.memoryUsage.rss(),
    last_errors: known.errors,
  };
}
