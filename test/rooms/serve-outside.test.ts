/** Proves what other servers learn of spaces and moments: only what their users could learn by themselves. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import type { DraftEvent } from '#rooms/persist-request.ts';
import { serveEventByTime } from '#rooms/serve/serve-event-by-time.ts';
import { serveHierarchy } from '#rooms/serve/serve-hierarchy.ts';
import type { ServeParts } from '#rooms/serve/server-view.ts';
import { ForeignRoom, friend, membership } from '#test/rooms/foreign-room.ts';
import { importStart, message, persist, type Parts } from '#test/rooms/room-checks.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const alice = '@alice:hs1.test';
const version = findRoomVersion('12');

let parts: Parts & ServeParts;
const stack = new AsyncDisposableStack();
before(async () => {
  const on = stack.use(await createMigratedDatabase());
  parts = { ...stack.use(await createRoomParts(on)), erasedUsers: { erasedPosOf: () => undefined } };
});
after(() => stack.disposeAsync());

const state = (type: string, stateKey: string, content: JsonObject): DraftEvent => ({
  sender: alice,
  type,
  state_key: stateKey,
  content,
});

async function makeRoom(joinRule: JsonObject, more: readonly DraftEvent[] = [], type?: string): Promise<string> {
  assert.ok(version);
  const create = state('m.room.create', '', { room_version: '12', ...(type !== undefined && { type }) });
  const { roomId } = await parts.persistEvents({
    room: { create: version },
    events: [
      create,
      state('m.room.member', alice, { membership: 'join' }),
      state('m.room.join_rules', '', joinRule),
      ...more,
    ],
  });
  return roomId;
}

async function isRefused(run: () => Promise<unknown>): Promise<boolean> {
  return run().then(
    () => false,
    (error: unknown) => error instanceof MatrixError && error.status === 404 && error.errcode === 'M_NOT_FOUND',
  );
}

describe('what other servers learn from outside', () => {
  test('a space is told with the children that the server could enter; of the others only the ids', async () => {
    const open = await makeRoom({ join_rule: 'public' });
    const closed = await makeRoom({ join_rule: 'invite' });
    const inviting = await makeRoom({ join_rule: 'invite' }, [
      state('m.room.member', '@guest:invited.test', { membership: 'invite' }),
    ]);
    const readable = await makeRoom({ join_rule: 'invite' }, [
      state('m.room.history_visibility', '', { history_visibility: 'world_readable' }),
    ]);
    const children = [open, closed, inviting, readable, '!elsewhere:other.test'];
    const links = children.map((id, at) =>
      state('m.space.child', id, { via: ['hs1.test'], order: String(at), suggested: at === 0 }),
    );
    const space = await makeRoom({ join_rule: 'public' }, links, 'm.space');
    const restricted = await makeRoom({
      join_rule: 'restricted',
      allow: [{ type: 'm.room_membership', room_id: space }],
    });
    await parts.persistEvents({
      room: { roomId: space },
      events: [state('m.space.child', restricted, { via: ['hs1.test'], order: '9' })],
    });

    const ask = async (origin: string, suggestedOnly = false) => {
      const answer = JSON.parse(await serveHierarchy(parts, origin, { roomId: space, suggestedOnly }));
      const ids = (rooms: { room_id: string }[]): string[] => rooms.map((room) => room.room_id);
      assert.equal(answer.room.room_id, space);
      return {
        states: answer.room.children_state.map((child: { state_key: string }) => child.state_key),
        children: ids(answer.children),
        closed: answer.inaccessible_children,
      };
    };
    const all = [...children, restricted];
    assert.deepEqual(await ask('any.test'), {
      states: all,
      children: [open, readable],
      closed: [closed, inviting, restricted],
    });
    const invited = await ask('invited.test');
    assert.deepEqual(invited.children, [open, inviting, readable]);
    assert.deepEqual(await ask('any.test', true), { states: [open], children: [open], closed: [] });

    const far = new ForeignRoom('12', 'visitor');
    await importStart(parts, far, far.start());
    assert.ok(!(await ask('far.test')).children.includes(restricted), 'another room does not count');
    await parts.persistEvents({
      room: { roomId: space },
      events: [
        {
          sender: '@visitor:far.test',
          type: 'm.room.member',
          state_key: '@visitor:far.test',
          content: { membership: 'join' },
        },
      ],
    });
    assert.ok((await ask('far.test')).children.includes(restricted), 'who is in the space may enter its rooms');
  });

  test('V14 a space that is closed to the server is answered as one that is not there', async () => {
    const closed = await makeRoom({ join_rule: 'invite' }, [], 'm.space');
    for (const roomId of [closed, '!nothing:hs1.test', 'x\0y']) {
      assert.ok(await isRefused(() => serveHierarchy(parts, 'any.test', { roomId, suggestedOnly: false })), roomId);
    }
  });

  test('the event next to a moment is the nearest that the server may see', async () => {
    const room = new ForeignRoom('12', 'moments');
    let last = room.start().at(-1) ?? '';
    await importStart(parts, room, [...room.events.keys()]);
    const add = async (draft: Parameters<ForeignRoom['add']>[0]): Promise<string> => {
      last = room.add(draft, [last]);
      assert.deepEqual((await persist(parts, room, last)).statuses, ['accepted']);
      return last;
    };
    const early = await add({ ...message(friend, 'early'), ts: 1_000 });
    const visibility = { type: 'm.room.history_visibility', sender: friend, stateKey: '', ts: 2_000 };
    await add({ ...visibility, content: { history_visibility: 'joined' } });
    const hidden = await add({ ...message(friend, 'hidden'), ts: 3_000 });
    const join = await add({ ...membership('@late:late.test', '@late:late.test', 'join'), ts: 4_000 });
    const ask = async (origin: string, ts: number, direction: 'b' | 'f'): Promise<string> =>
      (await serveEventByTime(parts, origin, { roomId: room.roomId, ts, direction })).eventId;
    assert.equal(await ask('far.test', 2_500, 'f'), hidden);
    assert.equal(await ask('late.test', 2_500, 'f'), join);
    assert.equal(await ask('late.test', 1_500, 'b'), early);
    assert.ok(await isRefused(() => ask('late.test', 999, 'b')));
    const stranger = await ask('stranger.test', 1, 'f').catch((error: unknown) => error);
    assert.ok(stranger instanceof MatrixError && stranger.errcode === 'M_FORBIDDEN');
  });
});
