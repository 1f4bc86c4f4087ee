/** Owns finding the embedded PostgreSQL that another process, usually the server, is running. */
import { connectionOf, type EmbeddedConnection } from '#storage/embedded/connection.ts';
import { layoutOf } from '#storage/embedded/layout.ts';
import { isPostmasterAlive, readPostmasterFile } from '#storage/embedded/postmaster-file.ts';

/** How to connect to the PostgreSQL of this data directory if one runs and is ready, for tools beside the server. */
export function findRunningPostgres(dataDir: string): EmbeddedConnection | undefined {
  const { cluster } = layoutOf(dataDir);
  const file = readPostmasterFile(cluster);
  if (file?.status !== 'ready' || !isPostmasterAlive(file.pid, cluster)) return undefined;
  return connectionOf(file.socketDirectory, file.port);
}
