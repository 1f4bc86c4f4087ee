/** Owns a wire to PostgreSQL that can be cut after a COMMIT was carried out and before its answer has arrived. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { EmbeddedConnection } from '#storage/embedded/connection.ts';

/** What commits: our functions, each a statement of its own, and the word itself. */
const committing = /persist_message|persist_batch|persist_flush|commit/;
/** The message ReadyForQuery outside of a transaction: all that was asked for is done. */
const idle = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

export type CuttingProxy = AsyncDisposable & {
  /** The database by way of the proxy, as `database.url` takes it. */
  readonly url: string;
  /**
   * Cuts once: the connection over which something with these characters is written, when that is committed. `cuts` then
   * counts one more.
   */
  readonly cutCommitOf: (marker: string) => void;
  readonly cuts: () => number;
};

/** A proxy on the loopback interface to a PostgreSQL on a Unix socket. */
export async function startCuttingProxy({ host, port, user, database }: EmbeddedConnection): Promise<CuttingProxy> {
  const state = { marker: undefined as string | undefined, cuts: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(`${host}/.s.PGSQL.${port}`);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    join(client, upstream, state);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `postgresql://${user}@127.0.0.1:${portOf(server)}/${database}`,
    cutCommitOf: (marker) => (state.marker = marker),
    cuts: () => state.cuts,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

type State = { marker: string | undefined; cuts: number };

function join(client: Socket, upstream: Socket, state: State): void {
  let isMarked = false;
  let isDeaf = false;
  let unseen = Buffer.alloc(0);
  client.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    isMarked ||= state.marker !== undefined && text.includes(state.marker);
    if (isMarked && state.marker !== undefined && committing.test(text)) {
      state.marker = undefined;
      isDeaf = true;
    }
    upstream.write(chunk);
  });
  upstream.on('data', (chunk: Buffer) => {
    if (!isDeaf) {
      client.write(chunk);
      return;
    }
    unseen = Buffer.concat([unseen, chunk]);
    if (!unseen.includes(idle)) return;
    state.cuts += 1;
    client.destroy();
    upstream.destroy();
  });
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroy());
}
