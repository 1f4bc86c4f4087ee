/** Owns turning an array of endpoints into the listener of a server. */
import type { RequestListener } from 'node:http';
import type { Registry } from 'prom-client';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { Quota, type Load } from '#core/quota.ts';
import { MatrixError } from '#matrix/error.ts';
import type { ServerSeam } from '#http/admit-server.ts';
import type { Endpoint } from '#http/endpoint.ts';
import { createPipeline, createRequestIds, type Authenticate, type ParseBody } from '#http/pipeline.ts';
import { createRateLimiter, type RateLimits } from '#http/rate-limit.ts';
import { createRemoteAddressOf } from '#http/remote-address.ts';
import { renderError } from '#http/render.ts';
import { createRequestMetrics } from '#http/request-metrics.ts';
import { abortAll, type LiveSignals } from '#http/request-scope.ts';
import { createDispatcher } from '#http/router.ts';
import { createServerLimits } from '#http/server-limits.ts';

/** What HTTP needs from outside. */
export type HttpSeams = {
  readonly authenticate: Authenticate;
  readonly servers: ServerSeam;
  readonly parseBody: ParseBody;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The most bytes that a JSON body may have. */
  readonly bodyBytesMax: number;
  /** The most bytes that all bodies together may have whose requests are not over. */
  readonly bodyBytesInFlightMax: number;
  readonly rateLimits: RateLimits;
  /** Addresses and CIDR ranges whose `X-Forwarded-For` counts. */
  readonly trustedProxies: readonly string[];
  readonly metrics: Registry;
};

export type Mounted = {
  readonly listener: RequestListener;
  /** Aborts the `signal` of every request in progress: long polls end. For a server that stops. */
  readonly abortRequests: () => void;
  readonly loads: readonly Load[];
};

/**
 * Makes the listener that serves `endpoints`. Throws a TypeError for rows that contradict one another and for trusted
 * proxies that are no addresses.
 */
export function mount<Context>(endpoints: readonly Endpoint<Context>[], context: Context, seams: HttpSeams): Mounted {
  const live: LiveSignals = new Set();
  const metrics = createRequestMetrics(seams.metrics);
  const nextRequestId = createRequestIds();
  const bodyBytes = new Quota('body_bytes', seams.bodyBytesInFlightMax);
  const run = createPipeline(
    context,
    {
      authenticate: seams.authenticate,
      servers: seams.servers,
      parseBody: seams.parseBody,
      checkRateLimit: createRateLimiter(seams.rateLimits, seams.clock),
      serverLimits: createServerLimits({ ...seams, countLimited: () => metrics.countLimited('federation') }),
      remoteAddressOf: createRemoteAddressOf(seams.trustedProxies),
      metrics,
      clock: seams.clock,
      logger: seams.logger,
      bodyBytesMax: seams.bodyBytesMax,
      bodyBytes,
      live,
    },
    nextRequestId,
  );
  const listener = createDispatcher(endpoints, run, (request, response, allowed) => {
    const known = allowed.length > 0;
    const error = new MatrixError(
      'M_UNRECOGNIZED',
      known ? 'This path has no such method.' : 'There is no such path.',
      {
        status: known ? 405 : 404,
      },
    );
    const headers = known ? { Allow: [...allowed, 'OPTIONS'].join(', ') } : {};
    renderError(request, response, nextRequestId(), error, headers);
    metrics.observe('unrecognised', '4xx', 0);
  });
  return { listener, abortRequests: () => abortAll(live), loads: [bodyBytes] };
}
