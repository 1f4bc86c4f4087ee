/** Owns where a command reaches the running server of its configuration. */
import type { ListenAddress } from '#config/network-types.ts';
import type { Config } from '#config/schema.ts';

/** A URL of the listener for operators; undefined where that is switched off. */
export function operationsUrl({ metrics }: Config, path: string): string | undefined {
  return metrics.listen === undefined ? undefined : `http://${reachable(metrics.listen)}${path}`;
}

/** An address to connect to, for one that is listened on: all addresses include the loopback. */
export function reachable({ host, port }: ListenAddress): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
