/** Owns the names that this machine's hosts file knows, which the resolver does not ask by itself. */
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Clock } from '#core/clock.ts';

export type HostsFile = (hostname: string) => readonly string[];

/** It is small on every machine; a larger one is a mistake, or somebody's list of advertisers. */
const BYTES_MAX = 4 * 1024 * 1024;
const LOOKED_AT_MS = 5_000;

export const systemHostsFile =
  process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';

/** Gives the addresses of a name in the file, in its order; none without such a file. Changes are seen in five seconds. */
export function createHostsFile(clock: Clock, path = systemHostsFile): HostsFile {
  let names: ReadonlyMap<string, readonly string[]> = new Map();
  let readAt = '';
  let lookAgainMs = 0;
  return (hostname) => {
    const nowMs = clock.monotonicMs();
    if (nowMs >= lookAgainMs) {
      lookAgainMs = nowMs + LOOKED_AT_MS;
      const stats = statSync(path, { throwIfNoEntry: false });
      const version = stats === undefined ? 'none' : `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
      if (version !== readAt) names = stats === undefined || stats.size > BYTES_MAX ? new Map() : readNames(path);
      readAt = version;
    }
    return names.get(hostname.toLowerCase()) ?? [];
  };
}

function readNames(path: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const line of readFileSync(path, 'latin1').split('\n')) {
    const [address = '', ...hostnames] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const hostname of hostnames) {
      const known = names.get(hostname.toLowerCase());
      if (known === undefined) names.set(hostname.toLowerCase(), [address]);
      else known.push(address);
    }
  }
  return names;
}
