/** Owns the stage of tests in which a scripted server tells one of ours what happens: both of them, and a user of ours. */
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import type { MatrixHttp } from '#test/support/matrix-http.ts';
import { startPeer, type Peer } from '#test/support/peer.ts';

export type ServerAndPeer = AsyncDisposable & {
  readonly server: FederatedServer;
  readonly peer: Peer;
  readonly alice: MatrixHttp;
};

export async function startServerAndPeer(): Promise<ServerAndPeer> {
  await using starting = new AsyncDisposableStack();
  const peer = starting.use(await startPeer());
  const server = starting.use(await startFederatedServer('hs1.localhost'));
  const alice = await server.newUser('alice');
  const started = starting.move();
  return { server, peer, alice, [Symbol.asyncDispose]: () => started.disposeAsync() };
}
