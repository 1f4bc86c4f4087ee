/**
 * Proves for every endpoint and every kind of user who is let in: made from the rows, so that a new row is judged too.
 * Endpoints for servers are in servers.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { endpoints } from '#api/endpoints.ts';
import { callerKinds, makeWorld, strangers, type CallerKind, type World } from '#test/authorisation/callers.ts';
import { strangersMay } from '#test/authorisation/strangers-may.ts';
import { parametersOf } from '#test/requests/fill-path.ts';
import { plausibleRequest } from '#test/requests/requests.ts';
import { request, type Answer } from '#test/support/matrix-http.ts';

type Row = (typeof endpoints)[number];

const refusals: Partial<Record<CallerKind, readonly [status: number, errcode: string]>> = {
  nobody: [401, 'M_MISSING_TOKEN'],
  'unknown token': [401, 'M_UNKNOWN_TOKEN'],
  'logged out': [401, 'M_UNKNOWN_TOKEN'],
  deactivated: [401, 'M_UNKNOWN_TOKEN'],
  locked: [401, 'M_USER_LOCKED'],
  suspended: [403, 'M_USER_SUSPENDED'],
  guest: [403, 'M_GUEST_ACCESS_FORBIDDEN'],
};

/** Operations that are about the caller's session: called, they would end what the other rows need. */
const endings = new Set(['client.logout', 'client.logout_all', 'client.deactivateAccount']);
/** What is about other people by its nature: their profiles, their presence to those who share a room, reports. */
const publicData = new Set([
  'client.getUserProfile',
  'client.getProfileField',
  'client.reportUser',
  'client.getPresence',
]);

describe('who may call', () => {
  let world: World;
  let count = 0;
  before(async () => {
    world = await makeWorld();
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
  });

  const call = async (
    row: Row,
    kind: CallerKind,
    about: { roomId?: string; userId?: string } = {},
  ): Promise<Answer> => {
    const caller = world.callers.get(kind);
    assert.ok(caller);
    count += 1;
    const subject = {
      userId: about.userId ?? caller.userId,
      otherUserId: world.callers.get('member')?.userId ?? '',
      roomId: about.roomId ?? world.roomId,
      eventId: world.eventId,
      unique: `unique-${count}`,
    };
    const { path, query, body } = plausibleRequest(row, subject);
    const answer = await request(world.baseUrl, row.method, path, {
      query,
      ...(body === undefined ? {} : { body }),
      ...(caller.token === undefined ? {} : { token: caller.token }),
    });
    assert.ok(answer.status < 500, `${kind}: ${answer.status} ${answer.bodyText.slice(0, 300)}`);
    return answer;
  };
  const newestEvent = async (): Promise<string | undefined> =>
    (await world.owner.getMessages(world.roomId, { dir: 'b', limit: 1 })).chunk[0]?.event_id;

  for (const row of endpoints.filter(({ auth }) => auth !== 'server')) {
    const parameters = parametersOf(row.path);

    it(`${row.operation}: ${row.auth}`, async () => {
      for (const kind of callerKinds) {
        const refusal = refusals[kind];
        if (refusal === undefined || endings.has(row.operation)) continue;
        const answer = await call(row, kind);
        const got = [answer.status, answer.body['errcode']];
        // Where a token is optional, an operation may still need one for what is asked of it.
        if (row.auth === 'optionalUser' && kind === 'nobody') assert.notDeepEqual(got, [401, 'M_UNKNOWN_TOKEN']);
        else if (mayAllTheSame(row, kind)) assert.ok(answer.status !== 401 || 'flows' in answer.body, got.join(' '));
        else if (row.auth !== 'none') assert.deepEqual(got, refusal, kind);
      }
    });

    if (parameters.includes('roomId') || parameters.includes('roomIdOrAlias')) {
      it(`${row.operation} is closed to those who are not in the room`, async () => {
        const newest = await newestEvent();
        for (const kind of strangers) {
          if (strangersMay(row.operation, kind)) continue;
          const answer = await call(row, kind);
          if (row.method !== 'GET' || kind === 'outsider') {
            assert.ok(answer.status >= 400, `${kind}: ${answer.status} ${answer.bodyText.slice(0, 300)}`);
          }
          if (kind === 'outsider') assert.ok(!answer.bodyText.includes(world.secret), answer.bodyText);
          for (const late of ['message', 'state']) {
            assert.ok(!answer.bodyText.includes(`${world.secret} ${late}`), `${kind}: ${answer.bodyText}`);
          }
        }
        assert.equal(await newestEvent(), newest, 'nothing was added to the room');
      });

      it(`${row.operation} does not give an event of one room for another's id`, async () => {
        // The outsider is at home in the other room; the event is one of the closed room's.
        const answer = await call(row, 'outsider', { roomId: world.otherRoomId });
        assert.ok(!answer.bodyText.includes(world.secret), answer.bodyText);
      });
    }

    if (parameters.includes('userId') && row.auth !== 'none' && !publicData.has(row.operation)) {
      it(`${row.operation} is closed to other users`, async () => {
        for (const kind of ['member', 'outsider'] as const) {
          const answer = await call(row, kind, { userId: world.owner.userId });
          assert.ok([403, 404].includes(answer.status), `${kind}: ${answer.status} ${answer.bodyText.slice(0, 300)}`);
        }
      });
    }
  }
});

function mayAllTheSame(row: Row, kind: CallerKind): boolean {
  if (kind === 'guest') return row.guests === true;
  return (kind === 'locked' || kind === 'suspended') && row.allow?.includes(kind) === true;
}
