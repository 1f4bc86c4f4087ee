/** Owns the metrics of requests: how long each operation took and how it ended, by operation and never by caller. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { RateLimitClass } from '#http/endpoint.ts';

export type RequestMetrics = {
  /** `outcome` is `2xx` to `5xx`, or `gone` for a client that left before its answer. */
  observe(operation: string, outcome: string, seconds: number): void;
  countLimited(limitClass: RateLimitClass | 'federation'): void;
};

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function createRequestMetrics(registry: Registry): RequestMetrics {
  const durations = new Histogram({
    name: 'causeway_http_request_duration_seconds',
    help: 'Time from the arrival of a request to its answer, by operation and outcome.',
    labelNames: ['operation', 'outcome'],
    buckets,
    registers: [registry],
  });
  const limited = new Counter({
    name: 'causeway_http_rate_limited_total',
    help: 'Requests refused by a rate limit, by class.',
    labelNames: ['class'],
    registers: [registry],
  });
  return {
    observe: (operation, outcome, seconds) => durations.observe({ operation, outcome }, seconds),
    countLimited: (limitClass) => limited.inc({ class: limitClass }),
  };
}
