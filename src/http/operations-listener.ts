/** Owns what operators and their monitoring ask: is the process alive, is it ready, and how is it doing. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { collectDefaultMetrics, type Registry } from 'prom-client';

export type OperationsParts = {
  /** Checks everything that answering depends on; throws for what is not ready. */
  readonly checkReady: (signal: AbortSignal) => Promise<void>;
  /** Longer than this, and the server counts as not ready. */
  readonly readyMs: number;
  readonly metrics: Registry;
  /** What `causeway status` is told of the running process; it becomes JSON. */
  readonly status: () => object;
};

/**
 * The listener of `/health` (200 while the event loop turns), `/ready` (200, or 503 with the reason) and `/metrics`
 * (Prometheus text) and `/status` (JSON, for `causeway status`). It belongs on an address of its own, away from the public. Adds the metrics of the process to
 * the registry, so there is one such listener to a registry.
 */
export function createOperationsListener(parts: OperationsParts): RequestListener {
  collectDefaultMetrics({ register: parts.metrics });
  return (request, response) => {
    answer(parts, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else send(response, 500, 'The metrics could not be gathered.\n');
    });
  };
}

async function answer(parts: OperationsParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'Only GET is known here.\n');
  switch (path) {
    case '/health':
      return send(response, 200, 'alive\n');
    case '/ready': {
      const reason = await findUnreadiness(parts);
      return reason === undefined ? send(response, 200, 'ready\n') : send(response, 503, `not ready: ${reason}\n`);
    }
    case '/metrics':
      return send(response, 200, await parts.metrics.metrics(), parts.metrics.contentType);
    case '/status':
      return send(response, 200, JSON.stringify(parts.status()), 'application/json');
    default:
      return send(response, 404, 'Known paths: /health, /ready, /metrics, /status.\n');
  }
}

/** Why the server is not ready, in one line. */
async function findUnreadiness({ checkReady, readyMs }: OperationsParts): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(readyMs);
  try {
    await Promise.race([
      checkReady(timeout),
      new Promise<never>((_resolve, reject) => {
        timeout.addEventListener('abort', () => reject(new Error(`no answer within ${readyMs} ms`)), { once: true });
      }),
    ]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function send(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, ['Content-Type', contentType, 'Content-Length', String(Buffer.byteLength(text))]);
  response.end(text);
}
