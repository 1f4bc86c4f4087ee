/** Owns the room that must stay closed, and one caller of each kind who tries its door. */
import assert from 'node:assert/strict';
import { Client } from 'pg';
import { encode, logIn, registerGuest, registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

/** Who calls, with what the specification says of an endpoint that needs a token. */
export const callerKinds = [
  'nobody',
  'unknown token',
  'logged out',
  'deactivated',
  'locked',
  'suspended',
  'outsider',
  'invited',
  'banned',
  'gone',
  'guest',
  'member',
  'owner',
] as const;
export type CallerKind = (typeof callerKinds)[number];

/** Callers who have an account in order, but no place in the room. */
export const strangers: readonly CallerKind[] = ['outsider', 'invited', 'banned', 'gone', 'guest'];

export type Caller = { readonly kind: CallerKind; readonly userId: string; readonly token: string | undefined };

export type World = AsyncDisposable & {
  readonly baseUrl: string;
  readonly callers: ReadonlyMap<CallerKind, Caller>;
  readonly owner: MatrixHttp;
  readonly roomId: string;
  /** A message that only members may see. */
  readonly eventId: string;
  /** A state event that only members may see. */
  readonly stateEventId: string;
  /** A room of the outsider's own, in which the others are not. */
  readonly otherRoomId: string;
  /** Text that stands in the room's state, its messages, the owner's account data and nowhere else. */
  readonly secret: string;
};

const env = { CAUSEWAY_REGISTRATION_GUESTS: 'true' };

/** Boots a server of its own, since accounts are spoiled in it. */
export async function makeWorld(): Promise<World> {
  const resources = new AsyncDisposableStack();
  try {
    const database = resources.use(await createTestDatabase());
    const { baseUrl } = resources.use(await startServerProcess({ databaseUrl: database.url, env }));
    const users = new Map<CallerKind, MatrixHttp>();
    for (const kind of callerKinds) {
      if (kind !== 'nobody' && kind !== 'unknown token') {
        const enter = kind === 'guest' ? registerGuest(baseUrl) : registerUser(baseUrl, kind.replaceAll(' ', '-'));
        users.set(kind, await enter);
      }
    }
    const room = await furnish(users);
    // Tokens that were never used, since an account's state is remembered with a token for a moment.
    for (const kind of ['locked', 'suspended'] as const) users.set(kind, await logIn(baseUrl, kind));
    await spoil(users, database.url);
    const callers = callerKinds.map((kind): [CallerKind, Caller] => {
      const user = users.get(kind);
      const token = kind === 'unknown token' ? 'this-is-no-token' : user?.accessToken;
      return [kind, { kind, userId: user?.userId ?? '@nobody:hs1.test', token }];
    });
    const owner = requireUser(users, 'owner');
    const owned = resources.move();
    return {
      baseUrl,
      callers: new Map(callers),
      owner,
      ...room,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

/** Makes the closed room, and puts everybody where they belong. */
async function furnish(users: ReadonlyMap<CallerKind, MatrixHttp>) {
  const owner = requireUser(users, 'owner');
  const secret = 'vermilion-otter-42';
  const roomId = await owner.createRoom({
    preset: 'private_chat',
    name: `${secret} name`,
    topic: `${secret} topic`,
    initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
  });
  const inside: readonly CallerKind[] = [
    'member',
    'banned',
    'gone',
    'locked',
    'suspended',
    'deactivated',
    'logged out',
  ];
  for (const kind of [...inside, 'invited' as const]) await owner.invite(roomId, requireUser(users, kind).userId);
  for (const kind of inside) await requireUser(users, kind).join(roomId);
  await requireUser(users, 'gone').leave(roomId);
  const body = { user_id: requireUser(users, 'banned').userId };
  assert.equal((await owner.raw('POST', `/rooms/${encode(roomId)}/ban`, { body })).status, 200);
  // What is said from here on is for members alone.
  const eventId = await owner.sendText(roomId, `${secret} message`);
  const stateEventId = await owner.setState(roomId, 'org.example.secret', { text: `${secret} state` }, 'key');
  const otherRoomId = await requireUser(users, 'outsider').createRoom({ preset: 'private_chat' });
  return { roomId, eventId, stateEventId, otherRoomId, secret };
}

/** Locks, suspends, deactivates and logs out those who are called so. */
async function spoil(users: ReadonlyMap<CallerKind, MatrixHttp>, databaseUrl: string): Promise<void> {
  const left = await requireUser(users, 'logged out').raw('POST', '/logout');
  assert.equal(left.status, 200);
  const client = new Client(databaseUrl);
  await client.connect();
  try {
    for (const column of ['locked_at', 'suspended_at']) {
      const { userId } = requireUser(users, column === 'locked_at' ? 'locked' : 'suspended');
      const by = 'user_nid = (select user_nid from users where user_id = $1)';
      await client.query(`update accounts set ${column} = 1 where ${by}`, [userId]);
    }
  } finally {
    await client.end();
  }
  const deactivated = requireUser(users, 'deactivated');
  const asked = await deactivated.raw('POST', '/account/deactivate', { body: {} });
  const auth = {
    type: 'm.login.password',
    session: asked.body['session'],
    identifier: { type: 'm.id.user', user: deactivated.userId },
    password: 'correct horse battery staple',
  };
  const done = await deactivated.raw('POST', '/account/deactivate', { body: { auth } });
  assert.equal(done.status, 200, done.bodyText);
}

function requireUser(users: ReadonlyMap<CallerKind, MatrixHttp>, kind: CallerKind): MatrixHttp {
  const user = users.get(kind);
  assert.ok(user, `${kind} has an account`);
  return user;
}
