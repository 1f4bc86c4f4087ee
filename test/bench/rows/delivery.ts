/** Owns the rows `delivery-300` and `delivery-1000`: from a send to the waiting /sync of another member. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CpuShares, startCpuMeter } from '#test/bench/cpu.ts';
import { type BenchContext, counted, elementAt, inParallel, type Measurement, type Row } from '#test/bench/context.ts';
import { Deliveries } from '#test/bench/rows/deliveries.ts';
import { PacedSender } from '#test/bench/rows/paced-sender.ts';
import type { MatrixClient } from '#test/bench/matrix-client.ts';
import { faultsOf, readBack } from '#test/bench/read-back.ts';
import { percentile, Recorder } from '#test/bench/recorder.ts';

const roomCount = 20;
const connectionsPerSender = 8;
const silenceMs = 3000;

export type DeliveryRoom = { roomId: string; clients: MatrixClient[]; receiver: MatrixClient };

export const delivery: Row = {
  name: 'delivery',
  run: async (context) => {
    const rooms = await makeRooms(context);
    const measure = (perSecond: number): Promise<Measurement> =>
      measureRate(context, rooms, { name: `delivery-${perSecond}`, perSecond, receiving: context });
    return [await measure(300), await measure(1000)];
  },
};

/** Rooms with a sender and another member each. */
export async function makeRooms(context: BenchContext): Promise<DeliveryRoom[]> {
  const users = await context.makeUsers(2 * roomCount);
  return inParallel(roomCount, 10, async (index): Promise<DeliveryRoom> => {
    const sender = elementAt(users, index);
    const receiver = elementAt(users, roomCount + index);
    const roomId = await sender.createRoom({ preset: 'public_chat' });
    await receiver.join(roomId);
    return { roomId, clients: connectionsOf(context, sender), receiver };
  });
}

// Open loop: a message leaves when it is due, so one slow answer must not hold up the next message.
function connectionsOf(context: BenchContext, sender: MatrixClient): MatrixClient[] {
  return Array.from({ length: connectionsPerSender }, () => sender.on(context.connect()));
}

/** `receiving` is the server at which the receivers wait. */
export async function measureRate(
  context: BenchContext,
  rooms: readonly DeliveryRoom[],
  { name, perSecond, receiving }: { name: string; perSecond: number; receiving: BenchContext },
): Promise<Measurement> {
  const recorder = new Recorder();
  const warmUp = Math.ceil((perSecond * context.seconds) / 4);
  const deliveries = new Deliveries(warmUp + Math.ceil(perSecond * context.seconds));
  const senders = rooms.map(({ roomId, clients }) => new PacedSender(roomId, clients, deliveries, recorder));
  const receivers = await Promise.all(rooms.map((room) => deliveries.startReceiver(room, receiving, recorder)));

  const startedAt = performance.now();
  const cpu = await pace(context, senders, deliveries.count, warmUp, perSecond);
  const abandoned = (await Promise.all(senders.map((sender) => sender.finish()))).reduce(
    (sum, count) => sum + count,
    0,
  );
  const achieved = ((deliveries.count - abandoned) * 1000) / (performance.now() - startedAt);
  await deliveries.settle(silenceMs, context.signal);
  await Promise.all(receivers.map((receiver) => receiver.stop()));

  const verdicts = await Promise.all(
    rooms.map(({ roomId, receiver }, index) => readBack(receiver, roomId, [elementAt(senders, index).acknowledged])),
  );
  // The rooms of the first rate hold its messages too, and several connections of one sender may overtake each other.
  const placed = verdicts.map((verdict) => ({ ...verdict, reordered: 0, unacknowledged: 0 }));
  const latenciesMs = deliveries.latenciesMs(warmUp);
  return {
    row: name,
    measured: percentile(latenciesMs, 0.99),
    unit: 'ms',
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    ...counted(recorder),
    requests: deliveries.count - abandoned,
    faults: [...faultsOf(placed, 0), ...deliveries.faults()],
    notes: [
      `${Math.round(achieved)} messages/s sent and answered, over ${rooms.length} rooms`,
      ...(abandoned > 0 ? [`the server did not keep up: ${abandoned} messages were due and never sent`] : []),
      ...deliveries.notes(),
    ],
    cpu,
  };
}

/** Hands out `count` messages evenly to the senders, `perSecond`; returns who used the processors after `warmUp`. */
async function pace(
  { signal, serverProcesses }: BenchContext,
  senders: readonly PacedSender[],
  count: number,
  warmUp: number,
  perSecond: number,
): Promise<CpuShares> {
  let meter = startCpuMeter(serverProcesses);
  const startedAt = performance.now();
  for (let number = 0; number < count && !signal.aborted;) {
    const due = Math.min(count, Math.ceil(((performance.now() - startedAt) * perSecond) / 1000));
    for (; number < due; number += 1) {
      if (number === warmUp) meter = startCpuMeter(serverProcesses);
      elementAt(senders, number % senders.length).due(number);
    }
    await sleep(1);
  }
  return meter();
}
