/** Owns the measurement below the floor: what the disk itself takes to make a small append durable. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { percentile } from '#test/bench/recorder.ts';

export type DiskSync = { p50Ms: number | undefined; p99Ms: number | undefined; count: number };

/** Appends 8 kB and calls fdatasync, for about a second, in a directory of its own inside `directory`. */
export function measureDisk(directory: string): DiskSync {
  const scratch = mkdtempSync(join(directory, 'causeway-bench-disk-'));
  try {
    const file = openSync(join(scratch, 'appends'), 'w');
    const block = Buffer.alloc(8192, 1);
    const latenciesMs: number[] = [];
    const until = performance.now() + 1000;
    for (let now = performance.now(); now < until;) {
      writeSync(file, block);
      const writtenAt = performance.now();
      fdatasyncSync(file);
      now = performance.now();
      latenciesMs.push(now - writtenAt);
    }
    closeSync(file);
    return { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99), count: latenciesMs.length };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
