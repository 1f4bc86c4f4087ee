/** Owns the senders: clients that do one thing after another in a room and repeat it until they know what came of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { encode, type MatrixHttp } from '#test/support/matrix-http.ts';
import { Courier, keyProperty, stateType, toDeviceType, type Crew } from '#test/trials/crew.ts';
import type { OperationKind } from '#test/trials/history.ts';

const requestTimeoutMs = 3_000;
/** One in so many messages is sent again after it was acknowledged, as by a client that has lost the answer. */
const repeatOneIn = 20;

export type LanePlan = {
  readonly user: MatrixHttp;
  readonly roomId: string;
  /** Names the lane in the whole run. */
  readonly name: string;
  /** Between an acknowledgement and the next operation, at most. */
  readonly paceMs: number;
  /** Devices that messages are sent to. */
  readonly peers: readonly MatrixHttp[];
};

/** Sends until the crew is ending, and then until what is under way is answered. Any refusal is a failure of the trial. */
export async function runLane(crew: Crew, plan: LanePlan): Promise<void> {
  const courier = new Courier(crew, plan.user, plan.name);
  let latest: string | undefined;
  try {
    for (let seq = 0; !crew.ending.aborted; seq += 1) {
      const kind = chooseKind(courier, latest !== undefined);
      const eventId = await perform(courier, plan, { kind, seq, latest });
      if (kind === 'message') {
        latest = eventId;
        crew.acknowledged += 1;
      }
      await delay(courier.chance.between(0, plan.paceMs));
    }
  } catch (error) {
    courier.fail(error);
  }
}

function chooseKind({ chance }: Courier, hasEvent: boolean): OperationKind {
  if (chance.isOneIn(25)) return 'toDevice';
  if (chance.isOneIn(25)) return 'state';
  return hasEvent && chance.isOneIn(15) ? 'receipt' : 'message';
}

/** Gives the id of the event, of what makes one. */
async function perform(
  courier: Courier,
  { user, roomId, name, peers }: LanePlan,
  { kind, seq, latest }: { readonly kind: OperationKind; readonly seq: number; readonly latest: string | undefined },
): Promise<string | undefined> {
  const key = `${name}/${seq}`;
  const room = `/_matrix/client/v3/rooms/${encode(roomId)}`;
  const ask = async (
    path: string,
    body: object,
    more: { readonly target?: string; readonly eventId?: string } = {},
  ) => {
    const place = kind === 'toDevice' ? {} : { roomId };
    const asked = { method: kind === 'receipt' ? 'POST' : 'PUT', path, body, timeoutMs: requestTimeoutMs } as const;
    const answer = await courier.perform({ key, kind, lane: name, ...place, ...more }, asked);
    if (answer === undefined) throw new Error(`${key}, a ${kind}, was refused`);
    if (kind === 'message' && courier.chance.isOneIn(repeatOneIn)) await courier.attemptUntilKnown(key, asked);
    const eventId = answer.body['event_id'];
    return typeof eventId === 'string' ? eventId : undefined;
  };
  if (kind === 'state') return ask(`${room}/state/${stateType}/${encode(user.userId)}`, { [keyProperty]: key });
  if (kind === 'receipt') return ask(`${room}/receipt/m.read/${encode(latest ?? '')}`, {}, { eventId: latest ?? '' });
  if (kind === 'toDevice') {
    const peer = courier.chance.pick(peers);
    const messages = { [peer.userId]: { [peer.deviceId]: { [keyProperty]: key } } };
    const target = `${peer.userId}|${peer.deviceId}`;
    return ask(`/_matrix/client/v3/sendToDevice/${toDeviceType}/${encode(key)}`, { messages }, { target });
  }
  const body = { msgtype: 'm.text', body: key, [keyProperty]: key };
  return ask(`${room}/send/m.room.message/${encode(key)}`, body);
}
