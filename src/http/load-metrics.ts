/** Owns the metrics of limits: how much of each is in use, how much may be, and how often something was refused. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Load } from '#core/quota.ts';

/** The names of the loads become the label `limit`. */
export function createLoadMetrics(registry: Registry, loads: readonly Load[]): void {
  const facts = { labelNames: ['limit' as const], registers: [registry] };
  const gauge = (name: string, help: string, valueOf: (load: Load) => number): void =>
    void new Gauge({
      ...facts,
      name,
      help,
      collect() {
        for (const load of loads) this.set({ limit: load.name }, valueOf(load));
      },
    });
  gauge('causeway_limit_used', 'How much of a limit is in use: what runs and what waits.', ({ used }) => used);
  gauge('causeway_limit_max', 'The limit, as configured.', ({ max }) => max);
  void new Counter({
    ...facts,
    name: 'causeway_limit_refused_total',
    help: 'How often something was refused with 503, as it would have been more than the limit.',
    collect() {
      this.reset();
      for (const load of loads) this.inc({ limit: load.name }, load.refusedCount);
    },
  });
}
