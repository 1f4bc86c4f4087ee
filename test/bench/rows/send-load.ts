/** Owns what the send rows share: senders that each wait for their answer, and the reading back of all they sent. */
import { type BenchContext, counted, elementAt, type Measurement } from '#test/bench/context.ts';
import { runClosedLoop } from '#test/bench/closed-loop.ts';
import type { MatrixClient } from '#test/bench/matrix-client.ts';
import { faultsOf, type ReadBack, readBack } from '#test/bench/read-back.ts';
import { percentile } from '#test/bench/recorder.ts';

export type Sender = { client: MatrixClient; roomId: string };

/** A public room with its creator and everybody else in it. */
export async function makeRoom(creator: MatrixClient, others: readonly MatrixClient[]): Promise<string> {
  const roomId = await creator.createRoom({ preset: 'public_chat' });
  await Promise.all(others.map((client) => client.join(roomId)));
  return roomId;
}

/** Ten members of one room, who all send to it. */
export async function tenInOneRoom(context: BenchContext): Promise<Sender[]> {
  const clients = await context.makeUsers(10);
  const roomId = await makeRoom(elementAt(clients, 0), clients.slice(1));
  return clients.map((client) => ({ client, roomId }));
}

/** A message of ordinary length, told from all others by `number`. */
export function messageContent(number: number): { msgtype: string; body: string; number: number } {
  return { msgtype: 'm.text', body: `Message ${number}, about as long as what people write to each other.`, number };
}

/** Lets all senders send for the row's time, then reads every room back. */
export async function measureSends(
  context: BenchContext,
  row: string,
  senders: readonly Sender[],
): Promise<Measurement> {
  const sent = senders.map((sender) => ({ ...sender, acknowledged: [] as string[] }));
  let number = 0;
  const loop = await runClosedLoop({
    workers: sent.length,
    seconds: context.seconds,
    warmUpSeconds: context.seconds / 4,
    signal: context.signal,
    serverProcesses: context.serverProcesses,
    step: async (worker) => {
      const sender = elementAt(sent, worker);
      number += 1;
      sender.acknowledged.push(await sender.client.send(sender.roomId, messageContent(number)));
      return true;
    },
  });
  const verdicts: ReadBack[] = [];
  for (const [roomId, inRoom] of Map.groupBy(sent, (sender) => sender.roomId)) {
    const bySender = inRoom.map(({ acknowledged }) => acknowledged);
    for (const { client } of inRoom.slice(0, 1)) verdicts.push(await readBack(client, roomId, bySender));
  }
  const readBackCount = verdicts.reduce((sum, verdict) => sum + verdict.acknowledged, 0);
  return {
    row,
    measured: loop.perSecond,
    unit: '/s',
    p50Ms: percentile(loop.recorder.latenciesMs, 0.5),
    p99Ms: percentile(loop.recorder.latenciesMs, 0.99),
    ...counted(loop.recorder),
    faults: faultsOf(verdicts, loop.recorder.failed),
    notes: [`${readBackCount} acknowledged events looked for in /messages`],
    cpu: loop.cpu,
  };
}
