/** Owns the rows `federated-join-…`: entering a large room of another server that is 100 ms away, on a server of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '#test/bench/connection.ts';
import type { Measurement, Row } from '#test/bench/context.ts';
import { MatrixClient, register } from '#test/bench/matrix-client.ts';
import { OwnServer } from '#test/bench/own-server.ts';
import { measureMemory } from '#test/bench/processes.ts';
import { eventsIn, ResidentRoom } from '#test/federation/resident-room.ts';
import { PeerReply, startPeer, type Peer } from '#test/support/peer.ts';
import { trustingPeers } from '#test/support/peer-http.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const membersMax = 50_000;
const latencyMs = 100;
const completeMsMax = 600_000;

export const federatedJoin: Row = {
  name: 'federated-join',
  async run({ ownServer, seconds, signal }) {
    if (ownServer === undefined) {
      return [{ row: 'federated-join', measured: undefined, unit: 'ms', notes: ['needs a server of its own'] }];
    }
    using directory = makeTemporaryDirectory();
    await using peer = await startPeer();
    // Ten seconds give the figures of the documentation.
    const room = serveRoom(peer, Math.ceil(membersMax * Math.min(1, seconds / 10)));
    const environment = {
      ...trustingPeers(directory.path),
      CAUSEWAY_SERVER_NAME: 'bench.localhost',
      CAUSEWAY_METRICS_LISTEN: '',
    };
    await using server = await OwnServer.create(undefined, undefined, environment);
    await server.start();
    using connection = new Connection(server.target);
    const client = new MatrixClient(connection, await register(connection));
    const rssBytes = (): number => measureMemory(server.processes(), 'own').rssBytes;
    const before = rssBytes();
    let most = before;
    const sampling = setInterval(() => (most = Math.max(most, rssBytes())), 50);
    try {
      const startedMs = performance.now();
      await client.call('POST', `/join/${encodeURIComponent(room.roomId)}?via=${encodeURIComponent(peer.name)}`, {});
      await client.send(room.roomId, { msgtype: 'm.text', body: 'here' });
      const usableMs = performance.now() - startedMs;
      const joined = await countMembers(client, room.roomId, signal);
      const completeMs = performance.now() - startedMs;
      const expected = room.state.size - otherEntries;
      const faults = joined === expected ? [] : [`${joined} members are in the room, and not ${expected}`];
      const notes = [`${expected} members, ${latencyMs} ms before each answer of the room's server`];
      return [
        { row: 'federated-join-usable', measured: usableMs, unit: 'ms', faults, notes },
        { row: 'federated-join-complete', measured: completeMs, unit: 'ms' },
        { row: 'federated-join-memory', measured: (most - before) / 1e6, unit: 'MB' },
      ] satisfies Measurement[];
    } finally {
      clearInterval(sampling);
    }
  },
};

/** The create event, the power levels and the join rules. */
const otherEntries = 3;

/** A public room that the peer lets everybody into, without its members first if that is asked for. */
function serveRoom(peer: Peer, members: number): ResidentRoom {
  const room = new ResidentRoom(peer, '11');
  for (let index = 1; index < members; index++) room.member(peer.userId(`member${index}`), 'join');
  room.serve();
  // What both answers hold is made beforehand: the benchmark's own work is not to be measured.
  const { state, auth_chain: chain } = room.answerJoin();
  const all = JSON.stringify(state);
  const some = eventsIn(state).filter(({ type }) => type !== 'm.room.member');
  const own = eventsIn(chain).filter(({ state_key: key }) => key === '' || key === room.creator);
  const authChain = JSON.stringify(own);
  const reduced = `"members_omitted":true,"servers_in_room":${JSON.stringify([peer.name])},"state":${JSON.stringify(some)}`;
  const late = async (body: string): Promise<PeerReply> => {
    await sleep(latencyMs);
    return new PeerReply(200, body);
  };
  peer.answer('PUT', /\/v2\/send_join\//, (request) => {
    room.accept(room.read(request));
    const told = request.target.includes('omit_members=true') ? reduced : `"members_omitted":false,"state":${all}`;
    return late(`{"origin":${JSON.stringify(peer.name)},${told},"auth_chain":${authChain}}`);
  });
  peer.answer('GET', /\/v1\/state\//, () => late(`{"pdus":${all},"auth_chain":${authChain}}`));
  return room;
}

/** The members of the room as soon as all are known, for which the server has its clients wait. */
async function countMembers(client: MatrixClient, roomId: string, signal: AbortSignal): Promise<number> {
  const path = `/rooms/${encodeURIComponent(roomId)}/joined_members`;
  for (const startedMs = performance.now(); ;) {
    signal.throwIfAborted();
    try {
      const { joined }: { joined: object } = JSON.parse(await client.call('GET', path));
      return Object.keys(joined).length;
    } catch (error) {
      if (performance.now() - startedMs > completeMsMax) throw error;
    }
  }
}
