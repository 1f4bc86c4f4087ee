/** Owns the contract of what other servers are told beside events. Specification: Server-Server API, "EDUs". */
import type { DestinationPositions } from '#storage/federation/find-outbox.ts';

/** How much of a transaction is left. */
export type EduBound = { readonly countMax: number; readonly bytesMax: number };

/**
 * EDUs that must arrive. Their owner keeps them, under positions, until the server has them; the sender keeps how far that
 * is. They come first in a transaction, so that neither events nor large messages to other devices hold them up.
 */
export type DurableEdus = {
  /** The column of `destinations` that says how far a server has been told. */
  readonly position: Exclude<keyof DestinationPositions, 'events'>;
  /** How far this process has read the stream of what is to be told. */
  readonly horizon: () => number;
  /**
   * Servers for which something lies beyond the position: from 0, all for which anything is kept. It is asked after each
   * change of the horizon, and again when another process takes over; a server that is named for nothing costs a look.
   */
  readonly findServers: (after: number) => Promise<readonly string[]>;
  /**
   * The next EDUs for a server, the oldest first, each as JSON text, and the position up to which that is all of them. One
   * that is larger than the bound alone is given alone. `hasMore` if something is left.
   */
  readonly findEdus: (
    serverName: string,
    after: number,
    bound: EduBound,
  ) => Promise<{ readonly edus: readonly string[]; readonly upTo: number; readonly hasMore: boolean }>;
};

/** One EDU for some servers, which is not sent again if it is lost; a newer one with the same key takes its place. */
export type PassingEdu = { readonly servers: readonly string[]; readonly key: string; readonly edu: string };

/** What passes: typing, receipts, presence. */
export type PassingEdus = {
  readonly horizon: () => number;
  /** What is to be told of the stream within (after, upTo]. */
  readonly findEdus: (after: number, upTo: number) => Promise<readonly PassingEdu[]>;
};
