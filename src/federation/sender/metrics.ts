/** Owns the metrics of sending to other servers. A process that does not send tells zeros. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { FederationSender, SenderStatus } from '#federation/sender/sender.ts';

/** Read from the sender whenever somebody asks for the metrics. */
export function registerSenderMetrics(registry: Registry, sender: Pick<FederationSender, 'status'>): void {
  const registers = [registry];
  const servers: Gauge<'state'> = new Gauge({
    name: 'causeway_federation_destinations',
    help: 'Other servers that are sent something now (all), that are not reached (failing), that have missed events (behind).',
    labelNames: ['state'],
    registers,
    collect() {
      const { destinationCount, failingCount, behindCount } = sender.status;
      servers.set({ state: 'all' }, destinationCount);
      servers.set({ state: 'failing' }, failingCount);
      servers.set({ state: 'behind' }, behindCount);
    },
  });
  const gauge = (name: string, help: string, valueOf: (status: SenderStatus) => number): void => {
    const own: Gauge = new Gauge({ name, help, registers, collect: () => own.set(valueOf(sender.status)) });
  };
  gauge('causeway_federation_send_lag', 'Positions of the event stream that are not yet handed on.', ({ lag }) => lag);
  const transactions: Counter<'outcome'> = new Counter({
    name: 'causeway_federation_transactions_total',
    help: 'Transactions to other servers, by what came of the attempt.',
    labelNames: ['outcome'],
    registers,
    collect() {
      transactions.reset();
      for (const [outcome, count] of Object.entries(sender.status.outcomes)) transactions.inc({ outcome }, count);
    },
  });
  const events: Counter = new Counter({
    name: 'causeway_federation_sent_events_total',
    help: 'Events that other servers have acknowledged, counted for each server.',
    registers,
    collect() {
      events.reset();
      events.inc(sender.status.eventCount);
    },
  });
}
