/** Proves that what was redacted for long goes from the database, and nothing else, with no difference that a client sees. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { redactJson } from '#matrix/redaction.ts';
import { censorRedacted } from '#rooms/censor-redacted.ts';
import { rebuildRoom } from '#rooms/rebuild-room.ts';
import { renderEvent } from '#rooms/render-events.ts';
import { statement } from '#storage/database.ts';
import { findEventById } from '#storage/rooms/find-events.ts';
import { creator, ForeignRoom, membership, type ForeignDraft } from '#test/rooms/foreign-room.ts';
import { importStart, message, statusOf, topic, type Parts } from '#test/rooms/room-checks.ts';
import { registerUser } from '#test/support/matrix-http.ts';
import { createMigratedDatabase, createRoomParts } from '#test/support/room-parts.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const stranger = '@stranger:else.test';
const now = Date.now() + 1_000_000;
const dueNow = { before: now, now, limit: 100 };

type TextRow = { readonly json: string; readonly censored_at: number | null };
const selectText = statement<TextRow>(
  'test_select_event_text',
  'select json, censored_at from event_json join events using (event_nid) where event_id = $1',
);
const selectRedactionRows = statement<object>(
  'test_select_redaction_rows',
  'select * from redactions order by target_event_id, redaction_nid',
);
const selectWaiting = statement<{ target: string }>(
  'test_select_waiting_redactions',
  'select target_event_id as target from redactions where uncensored_since is not null order by 1',
);

async function textOf(parts: Parts, eventId: string): Promise<TextRow> {
  const [row] = await parts.database.query(selectText, [eventId]);
  assert.ok(row, eventId);
  return row;
}

const redaction = (room: ForeignRoom, sender: string, target: string): ForeignDraft => ({
  type: 'm.room.redaction',
  sender,
  ...(room.version.redactionOfVersion11
    ? { content: { redacts: target, reason: 'a reason' } }
    : { redacts: target, content: { reason: 'a reason' } }),
});

/** The event as a client gets it. */
async function shown(parts: Parts, room: ForeignRoom, eventId: string): Promise<string> {
  const stored = await findEventById(parts.database, eventId);
  assert.ok(stored);
  return renderEvent(stored, { roomId: room.roomId, deviceNid: undefined, now: 0, version: room.version });
}

for (const version of ['10', '12']) {
  test(`version ${version}: redacted texts are censored when their time is over, and those alone`, async () => {
    await using on = await createMigratedDatabase();
    await using parts = await createRoomParts(on);
    const room = new ForeignRoom(version);
    const start = room.start();
    await importStart(parts, room, start);
    let tip = start.at(-1) ?? '';
    const add = async (draft: ForeignDraft): Promise<string> => {
      tip = room.add(draft, [tip]);
      assert.equal(await statusOf(parts, room, tip), 'accepted');
      return tip;
    };
    await add(membership(stranger, stranger, 'join'));
    const kept = await add(message(creator, 'kept'));
    const gone = await add(message(stranger, 'gone'));
    const named = await add(topic(creator, 'gone too'));
    await add(redaction(room, stranger, kept));
    const valid = [await add(redaction(room, creator, gone)), await add(redaction(room, creator, gone))];
    await add(redaction(room, creator, named));
    // Two that come before their targets, of which one never comes.
    const early = room.add(message(stranger, 'early'), [tip]);
    const never = room.add(message(stranger, 'never'), [tip]);
    for (const target of [early, never]) await add(redaction(room, stranger, target));
    const waiting = async (): Promise<string[]> =>
      (await parts.database.query(selectWaiting, [])).map(({ target }) => target);
    assert.deepEqual(await waiting(), [gone, gone, named].toSorted(), 'what is not judged does not wait');

    assert.equal(await censorRedacted(parts.database, { ...dueNow, before: Date.now() - 86_400_000 }), 0, 'too early');
    assert.equal(await statusOf(parts, room, early), 'accepted');
    assert.deepEqual(
      parts.facts.filter((fact) => fact.isRedacted).map((fact) => fact.eventId),
      [early],
    );
    const targets = [gone, named, early];
    const before = await Promise.all(targets.map((id) => shown(parts, room, id)));

    const done = await Promise.all([1, 2, 3].map(() => censorRedacted(parts.database, dueNow)));
    assert.equal(
      done.reduce((sum, count) => sum + count, 0),
      4,
      'one of several processes saw to each',
    );
    for (const id of targets) {
      const { json, censored_at: censoredAt } = await textOf(parts, id);
      assert.equal(json, redactJson(room.require(id).pdu.json, room.version));
      assert.equal(censoredAt, now);
      const verdict = validatePdu(json, room.version);
      assert.ok(verdict.ok);
      assert.equal(verdict.event.eventId, id);
      assert.equal(verdict.event.contentHashMatches, false);
    }
    assert.deepEqual(await Promise.all(targets.map((id) => shown(parts, room, id))), before);
    for (const id of [kept, ...valid]) {
      assert.deepEqual(await textOf(parts, id), { json: room.require(id).pdu.json, censored_at: null });
    }
    assert.deepEqual(await waiting(), []);
    assert.equal(await censorRedacted(parts.database, { ...dueNow, now: now + 1 }), 0);
    assert.equal((await textOf(parts, gone)).censored_at, now, 'censored once');
    assert.equal(await statusOf(parts, room, gone), 'accepted', 'sent again, it is known');
    assert.equal((await textOf(parts, gone)).censored_at, now);

    // A redaction that is censored itself may forget what it redacts; its effect stays, also when the room is rebuilt.
    await add(redaction(room, creator, valid[0] ?? ''));
    const told = await shown(parts, room, gone);
    assert.notEqual(told, before[0]);
    assert.equal(await censorRedacted(parts.database, dueNow), 1);
    assert.notEqual((await textOf(parts, valid[0] ?? '')).censored_at, null);
    const rows = await parts.database.query(selectRedactionRows, []);
    await rebuildRoom(parts, room.roomId);
    assert.deepEqual(await parts.database.query(selectRedactionRows, []), rows);
    assert.equal(await shown(parts, room, gone), told);
    await add(message(creator, 'the room goes on'));
  });
}

test('a batch is bounded, and the rest is left for the next', async () => {
  await using on = await createMigratedDatabase();
  await using parts = await createRoomParts(on);
  const room = new ForeignRoom('12');
  const start = room.start();
  await importStart(parts, room, start);
  let tip = start.at(-1) ?? '';
  for (let at = 0; at < 5; at += 1) {
    const target = room.add(message(creator, `gone ${at}`), [tip]);
    tip = room.add(redaction(room, creator, target), [target]);
    for (const id of [target, tip]) assert.equal(await statusOf(parts, room, id), 'accepted');
  }
  const counts: number[] = [];
  for (let at = 0; at < 4; at += 1) counts.push(await censorRedacted(parts.database, { ...dueNow, limit: 2 }));
  assert.deepEqual(counts, [2, 2, 1, 0]);
});

const countSecrets = statement<{ count: number }>(
  'test_count_secrets',
  `select count(*)::int as count from event_json where json like '%secretword%'`,
);

test('the content of a redacted message leaves the database of a running server, and no client sees a difference', async () => {
  await using database = await createTestDatabase();
  const env = { CAUSEWAY_RETENTION_REDACTED_CONTENT_DAYS: '0' };
  await using parts = await createRoomParts(database);
  const secrets = async (): Promise<number | undefined> => (await parts.database.query(countSecrets, []))[0]?.count;
  await using server = await startServerProcess({ databaseUrl: database.url, env });
  const alice = await registerUser(server.baseUrl);
  const roomId = await alice.createRoom({ name: 'Room' });
  const answered = await alice.sendText(roomId, 'a secretword');
  await alice.sendText(roomId, 'beside');
  const relation = { rel_type: 'm.thread', event_id: answered };
  await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'in a thread', 'm.relates_to': relation });
  await alice.redact(roomId, answered, 'a reason');
  const seen = async (): Promise<string> =>
    JSON.stringify(await alice.getHistory(roomId), (key, value: unknown) => (key === 'age' ? undefined : value));
  const before = await seen();
  assert.ok(before.includes('redacted_because') && !before.includes('secretword'));
  assert.equal(await secrets(), 1);
  // The sweeper looks once a minute, and at the start.
  const { port } = server;
  await server.stop();
  await using again = await startServerProcess({ databaseUrl: database.url, env, port });
  for (const deadline = Date.now() + 20_000; (await secrets()) !== 0;) assert.ok(Date.now() < deadline, 'it is there');
  assert.deepEqual(await seen(), before);
  assert.match(await (await fetch(`${again.metricsUrl}/metrics`)).text(), /swept_rows_total\{table="event_json"\} 1$/m);
});
