/** Owns users who come and go: they join, talk and leave, are banned and let in again, from whatever server. */
import { setTimeout as delay } from 'node:timers/promises';
import { encode, type MatrixHttp } from '#test/support/matrix-http.ts';
import { Courier, keyProperty, type Crew } from '#test/trials/crew.ts';

const requestTimeoutMs = 3_000;

export type WandererPlan = {
  readonly user: MatrixHttp;
  /** May ban in all of the rooms. */
  readonly moderator: MatrixHttp;
  readonly rooms: readonly string[];
  readonly paceMs: number;
};

/**
 * Walks until the crew is ending. Refusals are part of it: who was banned may not talk. What was refused must not be
 * there in the end, and what was acknowledged must.
 */
export async function runWanderer(crew: Crew, { user, moderator, rooms, paceMs }: WandererPlan): Promise<void> {
  const walker = new Courier(crew, user, user.userId);
  const ban = new Courier(crew, moderator, `moderator of ${user.userId}`);
  const { chance } = walker;
  try {
    for (let seq = 0; !crew.ending.aborted; seq += 1) {
      const roomId = chance.pick(rooms);
      if (chance.isOneIn(2)) await talk(walker, roomId, seq);
      else if (chance.isOneIn(3)) await changeOther(ban, roomId, user.userId, chance.pick(['ban', 'unban', 'kick']));
      else await changeOwn(walker, roomId, chance.isOneIn(3) ? 'leave' : 'join');
      await delay(chance.between(0, paceMs));
    }
  } catch (error) {
    walker.fail(error);
  }
}

async function talk(walker: Courier, roomId: string, seq: number): Promise<void> {
  const lane = `${walker.user.userId}@${roomId}`;
  const key = `${lane}/${seq}`;
  const path = `/_matrix/client/v3/rooms/${encode(roomId)}/send/m.room.message/${encode(key)}`;
  const body = { msgtype: 'm.text', body: key, [keyProperty]: key };
  await walker.perform(
    { key, kind: 'message', lane, roomId },
    { method: 'PUT', path, body, timeoutMs: requestTimeoutMs },
  );
}

function changeOwn(walker: Courier, roomId: string, change: 'join' | 'leave'): Promise<void> {
  return untilKnown(walker, `/_matrix/client/v3/rooms/${encode(roomId)}/${change}`, {});
}

function changeOther(moderator: Courier, roomId: string, userId: string, change: string): Promise<void> {
  return untilKnown(moderator, `/_matrix/client/v3/rooms/${encode(roomId)}/${change}`, { user_id: userId });
}

/** A change of membership has no transaction id: it is asked for until the answer is yes or no. */
async function untilKnown(courier: Courier, path: string, body: object): Promise<void> {
  for (;;) {
    const answer = await courier.ask({ method: 'POST', path, body, timeoutMs: requestTimeoutMs });
    if (answer !== undefined && answer.status < 500) return;
    await courier.retreat();
  }
}
