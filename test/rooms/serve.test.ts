/** Proves what other servers may read of a room: who is answered, which events, whole or redacted. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MatrixError } from '#matrix/error.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { findServerAcl } from '#rooms/serve/find-server-acl.ts';
import { requireServerAllowed, requireServerInRoom } from '#rooms/serve/require-server.ts';
import { serveAuthChain, serveEvent } from '#rooms/serve/serve-event.ts';
import { serveBackfill, serveMissingEvents } from '#rooms/serve/serve-history.ts';
import { serveState, serveStateIds, type StateParts } from '#rooms/serve/serve-state.ts';
import { creator, ForeignRoom, friend, guest, membership } from '#test/rooms/foreign-room.ts';
import { importStart, message, persist, statusOf, topic, type Parts } from '#test/rooms/room-checks.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';

const far = 'far.test';
const stranger = 'stranger.test';
const unknownRoom = '!nothing:hs1.test';

let parts: Parts & StateParts;
const { signal } = new AbortController();
const erased = new Map<string, number>();
const stack = new AsyncDisposableStack();
before(async () => {
  const on = stack.use(await createMigratedDatabase());
  const own = stack.use(await createRoomParts(on));
  const partialRooms = { whenComplete: () => assert.fail('The members of all rooms are known here.') };
  parts = { ...own, partialRooms, erasedUsers: { erasedPosOf: (userId) => erased.get(userId) } };
});
after(() => stack.disposeAsync());

/** A room of far.test's, with this many messages, all taken in. */
async function roomOf(name: string, { messages = 0, version = '12' } = {}) {
  const room = new ForeignRoom(version, name);
  const start = room.start();
  await importStart(parts, room, start);
  let last = start.slice(-1);
  const ids: string[] = [];
  for (let at = 0; at < messages; at++) {
    last = [room.add(message(friend, `${name} ${at}`), last)];
    ids.push(...last);
    await take(room, last[0] ?? '');
  }
  return { room, roomId: room.roomId, start, ids };
}

async function take(room: ForeignRoom, eventId: string): Promise<void> {
  assert.deepEqual((await persist(parts, room, eventId)).statuses, ['accepted']);
}

async function refusalOf(run: () => Promise<unknown>): Promise<readonly [number, string, string]> {
  const error: unknown = await run().then(
    () => assert.fail('It was answered.'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MatrixError, String(error));
  return [error.status, error.errcode, error.message];
}

const idsOf = (room: ForeignRoom, texts: readonly string[]): string[] =>
  texts.map((text) => {
    const verdict = validatePdu(text, room.version);
    assert.ok(verdict.ok);
    return verdict.event.eventId;
  });
const contentsOf = (texts: readonly string[]): unknown[] => texts.map((text) => JSON.parse(text).content);

async function stateText(roomId: string, eventId: string): Promise<{ pdus: object[]; auth_chain: object[] }> {
  const pieces: string[] = [];
  for await (const piece of await serveState(parts, far, { roomId, eventId, signal })) pieces.push(piece);
  return JSON.parse(pieces.join(''));
}

/** Everything that a server may ask about a room by an event of it. */
const questions = (origin: string, roomId: string, eventId: string) => ({
  state: () => serveState(parts, origin, { roomId, eventId, signal }),
  stateIds: () => serveStateIds(parts, origin, { roomId, eventId, signal }),
  eventAuth: () => serveAuthChain(parts, origin, { roomId, eventId }),
  backfill: () => serveBackfill(parts, origin, { roomId, from: [eventId], limit: 10 }),
  missing: () => serveMissingEvents(parts, origin, { roomId, earliest: [], latest: [eventId], limit: 10, depthMin: 0 }),
});

describe('what other servers may read', () => {
  test('V14 a server that is not in a room is answered as if the room were not there', async () => {
    const { roomId, ids } = await roomOf('closed', { messages: 1 });
    const [eventId = ''] = ids;
    const closed = questions(stranger, roomId, eventId);
    const missing = questions(stranger, unknownRoom, eventId);
    for (const name of ['state', 'stateIds', 'eventAuth', 'backfill', 'missing'] as const) {
      const refusal = await refusalOf(closed[name]);
      assert.deepEqual(refusal.slice(0, 2), [403, 'M_FORBIDDEN'], name);
      assert.deepEqual(await refusalOf(missing[name]), refusal, name);
    }
    const noEvent = await refusalOf(() => serveEvent(parts, stranger, `$${'x'.repeat(43)}`));
    assert.deepEqual(noEvent.slice(0, 2), [404, 'M_NOT_FOUND']);
    assert.deepEqual(await refusalOf(() => serveEvent(parts, stranger, eventId)), noEvent);
  });

  test('V15 the id of an event of another room is not found, or passed over', async () => {
    const open = await roomOf('open', { messages: 2 });
    const secret = await roomOf('secret', { messages: 2 });
    const [, newest = ''] = open.ids;
    const foreign = secret.ids.at(-1) ?? '';
    const asked = questions(far, open.roomId, foreign);
    for (const name of ['state', 'stateIds', 'eventAuth'] as const) {
      assert.deepEqual((await refusalOf(asked[name])).slice(0, 2), [404, 'M_NOT_FOUND'], name);
    }
    assert.deepEqual(await asked.backfill(), []);
    assert.deepEqual(await asked.missing(), []);
    const mixed = { roomId: open.roomId, earliest: [foreign], latest: [newest, foreign], limit: 1, depthMin: 0 };
    assert.deepEqual(idsOf(open.room, await serveMissingEvents(parts, far, mixed)), [open.ids[0]]);
  });

  test('F6 an event that soft-failed is given by its id, one that was rejected is not', async () => {
    const { room, start } = await roomOf('judged');
    const ban = room.add(membership(creator, guest, 'ban'), start.slice(-1));
    await take(room, ban);
    const soft = room.add(message(guest, 'from before the ban'), start.slice(-1));
    assert.equal(await statusOf(parts, room, soft), 'soft_failed');
    const rejected = room.add(message(guest, 'after the ban'), [ban]);
    assert.match(await statusOf(parts, room, rejected), /^rejected/);
    const next = room.add(message(friend, 'on both'), [rejected, soft]);
    await take(room, next);
    assert.deepEqual(idsOf(room, [await serveEvent(parts, far, soft)]), [soft]);
    assert.deepEqual((await refusalOf(() => serveEvent(parts, far, rejected))).slice(0, 2), [404, 'M_NOT_FOUND']);
    const { roomId } = room;
    const back = idsOf(room, await serveBackfill(parts, far, { roomId, from: [next], limit: 3 }));
    assert.deepEqual(back.toSorted(), [next, soft, ban].toSorted(), 'the rejected one is walked through');
  });

  for (const version of ['10', '12']) {
    test(`the state before an event is given with its whole auth chain, in version ${version}`, async () => {
      const { room, roomId, start } = await roomOf(`state${version}`, { version });
      const first = room.add(topic(creator, 'first'), start.slice(-1));
      const second = room.add(topic(creator, 'second'), [first]);
      for (const id of [first, second]) await take(room, id);
      const expected = [...room.require(second).stateBefore.values()].toSorted();
      assert.ok(expected.includes(first) && !expected.includes(second));
      const ids = await serveStateIds(parts, far, { roomId, eventId: second, signal });
      assert.deepEqual([...ids.pdu_ids].toSorted(), expected);
      const { pdus, auth_chain: chain } = await stateText(roomId, second);
      const texts = (list: object[]): string[] => list.map((pdu) => JSON.stringify(pdu));
      assert.deepEqual(idsOf(room, texts(pdus)).toSorted(), expected);
      assert.deepEqual(idsOf(room, texts(chain)).toSorted(), [...ids.auth_chain_ids].toSorted());
      const held = new Set([...ids.pdu_ids, ...ids.auth_chain_ids]);
      for (const id of held)
        for (const cited of authIdsOf(room, id)) assert.ok(held.has(cited), `${id} cites ${cited}`);
      assert.ok(ids.auth_chain_ids.includes(start[0] ?? ''), 'the create event is in the chain');

      const own = await serveAuthChain(parts, far, { roomId, eventId: second });
      const wanted = new Set<string>(version === '12' ? start.slice(0, 1) : []);
      const open = [...authIdsOf(room, second)];
      for (const id of open) {
        if (wanted.has(id)) continue;
        wanted.add(id);
        open.push(...authIdsOf(room, id));
      }
      assert.deepEqual(idsOf(room, own).toSorted(), [...wanted].toSorted());
    });
  }

  test('backfill gives the named events and what is before them, newest first, within the limits', async () => {
    const { room, roomId, start, ids } = await roomOf('long', { messages: 120 });
    const last = ids.at(-1) ?? '';
    const all = [...start, ...ids].toReversed();
    const some = await serveBackfill(parts, far, { roomId, from: [last], limit: 5 });
    assert.deepEqual(idsOf(room, some), all.slice(0, 5));
    const many = await serveBackfill(parts, far, { roomId, from: [last, last, 'x\0y'], limit: 100_000 });
    assert.deepEqual(idsOf(room, many), all.slice(0, 100));
    assert.deepEqual(await serveBackfill(parts, far, { roomId, from: [last], limit: 0 }), []);
    assert.deepEqual(await serveBackfill(parts, far, { roomId, from: ['$nothing'], limit: 5 }), []);
  });

  test('missing events are those between, oldest first, nearest to the latest, not deeper down than asked', async () => {
    const { room, roomId, start, ids } = await roomOf('between', { messages: 8 });
    const ask = async (earliest: string[], latest: string[], limit = 10, depthMin = 0): Promise<string[]> =>
      idsOf(room, await serveMissingEvents(parts, far, { roomId, earliest, latest, limit, depthMin }));
    const [a = '', b, c, d, e, f = ''] = ids;
    assert.deepEqual(await ask([a], [f]), [b, c, d, e]);
    assert.deepEqual(await ask([a], [f], 2), [d, e]);
    assert.deepEqual(await ask([], [a], 3), start.slice(-3));
    const depth = room.require(d ?? '').pdu.pdu.depth;
    assert.deepEqual(await ask([a], [f], 10, depth), [d, e]);
    assert.deepEqual(await ask([f], [f]), []);
    const left = room.add(message(friend, 'left'), [ids.at(-1) ?? '']);
    const right = room.add(message(creator, 'right'), [ids.at(-1) ?? '']);
    const both = room.add(message(friend, 'both'), [left, right]);
    for (const id of [left, right, both]) await take(room, id);
    assert.deepEqual((await ask([ids.at(-1) ?? ''], [both])).toSorted(), [left, right].toSorted());
  });

  test('what no user of the server may see is redacted, as are the messages of erased users', async () => {
    const late = '@late:late.test';
    const { room, roomId, start } = await roomOf('past');
    const visibility = (value: string) => ({
      type: 'm.room.history_visibility',
      sender: creator,
      stateKey: '',
      content: { history_visibility: value },
    });
    let last = start.at(-1) ?? '';
    const add = async (draft: Parameters<ForeignRoom['add']>[0]): Promise<string> => {
      last = room.add(draft, [last]);
      await take(room, last);
      return last;
    };
    const shared = await add(message(friend, 'shared'));
    await add(visibility('invited'));
    const hidden = await add(message(friend, 'before the invite'));
    await add(membership(creator, late, 'invite'));
    const invited = await add(message(friend, 'invited'));
    await add(visibility('joined'));
    const unseen = await add(message(friend, 'before the join'));
    const join = await add(membership(late, late, 'join'));
    const seen = await add(message(friend, 'joined'));
    const bodies = async (origin: string): Promise<unknown[]> => {
      const wanted = [shared, hidden, invited, unseen, join, seen];
      const texts = await serveBackfill(parts, origin, { roomId, from: [seen], limit: 20 });
      const byId = new Map(idsOf(room, texts).map((id, at) => [id, contentsOf(texts)[at]]));
      return wanted.map((id) => byId.get(id));
    };
    const body = (text: string): object => ({ msgtype: 'm.text', body: text });
    const own = [{ membership: 'join' }, body('joined')];
    assert.deepEqual(await bodies('late.test'), [body('shared'), {}, body('invited'), {}, ...own]);
    const whole = [body('shared'), body('before the invite'), body('invited'), body('before the join'), ...own];
    assert.deepEqual(await bodies(far), whole, 'a server that was there all the time reads all');

    erased.set(friend, 1);
    assert.deepEqual(await bodies('late.test'), [{}, {}, {}, {}, ...own]);
    assert.deepEqual(await bodies(far), whole, 'who had them has them');
    erased.clear();
  });

  test('a redacted event is given redacted', async () => {
    const { room, start } = await roomOf('redacted');
    const said = room.add(message(friend, 'oops'), start.slice(-1));
    await take(room, said);
    const redaction = { type: 'm.room.redaction', sender: friend, redacts: said, content: { redacts: said } };
    await take(room, room.add(redaction, [said]));
    assert.deepEqual(contentsOf([await serveEvent(parts, far, said)]), [{}]);
  });

  test('V19 an access list is compiled when it changes, and shuts out whom it names', async () => {
    const { room, roomId, start } = await roomOf('listed');
    const served = await requireServerInRoom(parts, roomId, far);
    assert.equal(await findServerAcl(parts, served.room, served.root), undefined);
    const acl = (content: Record<string, string[]>) => ({
      type: 'm.room.server_acl',
      sender: creator,
      stateKey: '',
      content,
    });
    const deny = Array.from({ length: 7_000 }, (_, at) => `*${at}`);
    const list = room.add(acl({ allow: ['*'], deny: [...deny, 'STRANGER.*'] }), start.slice(-1));
    await take(room, list);
    const once = await requireServerAllowed(parts, roomId, far);
    const compiled = await findServerAcl(parts, once.room, once.root);
    const said = room.add(message(friend, 'goes on'), [list]);
    await take(room, said);
    const again = await requireServerAllowed(parts, roomId, far);
    assert.equal(await findServerAcl(parts, again.room, again.root), compiled, 'a message compiles nothing');
    const refusal = await refusalOf(() => requireServerAllowed(parts, roomId, 'stranger.test:8448'));
    assert.deepEqual(refusal.slice(0, 2), [403, 'M_FORBIDDEN']);

    const other = room.add(acl({ allow: ['stranger.test'] }), [said]);
    await take(room, other);
    await requireServerAllowed(parts, roomId, stranger);
    for (const ask of Object.values(questions(far, roomId, said))) {
      assert.deepEqual((await refusalOf(ask)).slice(0, 2), [403, 'M_FORBIDDEN']);
    }
    const redaction = { type: 'm.room.redaction', sender: creator, redacts: other, content: { redacts: other } };
    await take(room, room.add(redaction, [other]));
    await refusalOf(() => requireServerAllowed(parts, roomId, stranger));
  });

  test('a room that is not here is not found by who need not be in it', async () => {
    const refusal = await refusalOf(() => requireServerAllowed(parts, unknownRoom, far));
    assert.deepEqual(refusal.slice(0, 2), [404, 'M_NOT_FOUND']);
    await refusalOf(() => requireServerAllowed(parts, '!a\0b:hs1.test', far));
  });
});

function authIdsOf(room: ForeignRoom, eventId: string): string[] {
  return room.require(eventId).pdu.pdu.auth_events.map((each) => (typeof each === 'string' ? each : each[0]));
}
