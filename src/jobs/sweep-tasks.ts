/** Owns the list of what the sweeper does: the rules by age, what has too many rows, and censoring. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { SweepMetrics, SweepTask } from '#jobs/sweeper.ts';
import { createNotificationTrimmer } from '#notifications/trim-notifications.ts';
import { censorRedacted } from '#rooms/censor-redacted.ts';
import { ageRules, removalOf } from '#storage/age-rules.ts';
import type { Database } from '#storage/database.ts';
import { createListForgetter } from '#users/remote/forget-unshared-lists.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Texts of at most 64 KiB, parsed and written anew without a pause: mostly 2 ms, at worst some 50. */
const CENSORED_AT_ONCE = 50;

export type Retention = {
  /** Undefined: what is redacted is never censored. */
  readonly redactedContentDays: number | undefined;
};

export function createSweepTasks(database: Database, { redactedContentDays }: Retention): SweepTask[] {
  const byAge = ageRules.map((rule): SweepTask => {
    const removeOld = removalOf(rule);
    return {
      name: rule.table,
      intervalMs: rule.intervalMs,
      step: async (now) => {
        const rows = await removeOld(database, now);
        return { rows, hasMore: rows === rule.batchMax };
      },
    };
  });
  const trimSome = createNotificationTrimmer(database);
  const trimming: SweepTask = { name: 'notifications', intervalMs: DAY_MS, step: trimSome };
  const forgetting: SweepTask = {
    name: 'remote_device_lists',
    intervalMs: HOUR_MS,
    step: createListForgetter(database),
  };
  const always = [...byAge, trimming, forgetting];
  if (redactedContentDays === undefined) return always;
  const censoring: SweepTask = {
    name: 'event_json',
    intervalMs: MINUTE_MS,
    step: async (now) => {
      const before = now - redactedContentDays * DAY_MS;
      const rows = await censorRedacted(database, { before, now, limit: CENSORED_AT_ONCE });
      return { rows, hasMore: rows === CENSORED_AT_ONCE };
    },
  };
  return [...always, censoring];
}

export function createSweepMetrics(registry: Registry): SweepMetrics {
  const rowsSwept = new Counter({
    name: 'causeway_swept_rows_total',
    help: 'Rows removed, or emptied, because their time was over, by table.',
    labelNames: ['table'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'causeway_sweep_step_duration_seconds',
    help: 'Time that one step of the sweeper took, by table.',
    labelNames: ['table'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 5],
    registers: [registry],
  });
  return {
    observe(table, rows, seconds) {
      rowsSwept.inc({ table }, rows);
      durations.observe({ table }, seconds);
    },
  };
}
