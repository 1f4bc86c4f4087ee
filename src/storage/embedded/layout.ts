/** Owns where the embedded PostgreSQL keeps its things inside the data directory. */
import path from 'node:path';

export const postgresMajor = 18;

export type Layout = {
  /** The data directory of the server, absolute. */
  readonly dataDir: string;
  /** The data directory of PostgreSQL itself. */
  readonly cluster: string;
  /** A cluster that is not complete yet: it is renamed to `cluster` when it is. */
  readonly unfinishedCluster: string;
  /** The standard output and error of PostgreSQL. */
  readonly log: string;
  /** Links to the libraries, when they cannot stand beside the libraries themselves. */
  readonly libraryLinks: string;
  /** The directory of the socket, when its path is short enough for one. */
  readonly socket: string;
};

export function layoutOf(dataDir: string): Layout {
  const root = path.resolve(dataDir);
  const cluster = path.join(root, `postgres-${postgresMajor}`);
  return {
    dataDir: root,
    cluster,
    unfinishedCluster: `${cluster}.unfinished`,
    log: path.join(root, 'postgres.log'),
    libraryLinks: path.join(root, 'postgres-libraries'),
    socket: path.join(root, 'postgres-socket'),
  };
}
