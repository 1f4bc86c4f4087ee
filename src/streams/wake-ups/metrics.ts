/** Owns the metrics of wake-ups: whether they come, and how many. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { WakeUpStatus } from '#streams/wake-ups/notifier.ts';

/** Read from the status whenever somebody asks for the metrics. */
export function registerWakeUpMetrics(registry: Registry, status: () => WakeUpStatus): void {
  const connected: Gauge<'carrier'> = new Gauge({
    name: 'causeway_wake_ups_connected',
    help: '1 while this process and the others can wake each other, 0 while it has to look by itself; by what carries it.',
    labelNames: ['carrier'],
    registers: [registry],
    collect: () => connected.set({ carrier: status().carrier }, Number(status().connected)),
  });
  const messages = new Counter({
    name: 'causeway_wake_ups_total',
    help: 'Wake-ups sent to other processes, and heard from them.',
    labelNames: ['direction'],
    registers: [registry],
    collect(): void {
      const { sent, heard } = status();
      messages.reset();
      messages.inc({ direction: 'sent' }, sent);
      messages.inc({ direction: 'heard' }, heard);
    },
  });
}
