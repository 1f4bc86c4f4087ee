/** Owns the one order of the folders of `src`: each imports only from those before it. */

export const layers = [
  'core',
  'matrix',
  'config',
  'storage',
  'streams',
  'federation',
  'appservices',
  'users',
  'media',
  'notifications',
  'rooms',
  'push',
  'sync',
  'jobs',
  'context',
  'http',
  'api',
  'server',
] as const;

/** Above all layers: what starts the program. They may import each other, without cycles. */
export const entries: readonly string[] = ['main', 'cli', 'bin'];

/** `storage` for `src/storage/embedded/x.ts`, `server` for `src/server.ts`; undefined outside `src`. */
export function layerOf(filePath: string): string | undefined {
  return /^src\/([^/.]+)/.exec(filePath)?.[1];
}

/** The place in the order; undefined for what has none. */
export function rankOf(layer: string): number | undefined {
  const rank = layers.findIndex((name) => name === layer);
  if (rank !== -1) return rank;
  return entries.includes(layer) ? layers.length : undefined;
}

/** The layers and entries from which this one must not import. */
export function layersAbove(layer: string): string[] {
  const rank = rankOf(layer);
  return rank === undefined ? [] : [...layers.slice(rank + 1), ...(rank < layers.length ? entries : [])];
}
