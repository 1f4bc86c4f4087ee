/** Proves that a process which reads what another one wrote counts on, as the writer does, without asking for the counts again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statement } from '#storage/database.ts';
import { registerUser } from '#test/support/matrix-http.ts';
import { openReadingProcess } from '#test/support/reading-process.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const selectNids = statement<{ user_nid: number; room_nid: number }>(
  'test_select_nids',
  'select user_nid, room_nid from users, rooms where user_id = $1 and room_id = $2',
);

test('messages, mentions and threads of another process are counted without a query for the counts', async () => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url });
  const [alice, bob, carol] = await Promise.all([1, 2, 3].map(() => registerUser(server.baseUrl)));
  assert.ok(alice && bob && carol);
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  for (const user of [bob, carol]) await user.join(roomId);
  const root = await alice.sendText(roomId, 'root');

  await using reader = await openReadingProcess(database);
  const [nids] = await reader.database.query(selectNids, [bob.userId, roomId]);
  assert.ok(nids);
  const user = { userId: bob.userId, userNid: nids.user_nid };
  const rooms = [{ roomNid: nids.room_nid, roomId }];
  const { events } = reader.streams;
  const counts = reader.newCounts();
  await counts.find(user, rooms, events.horizon);

  const text = { msgtype: 'm.text', body: 'x' };
  const contents = [
    text,
    { ...text, 'm.mentions': { user_ids: [bob.userId, '@nobody:hs1.test', bob.userId, 7] } },
    { ...text, 'm.mentions': { user_ids: [carol.userId] } },
    { ...text, 'm.mentions': { room: true } },
    { ...text, msgtype: 'm.notice', 'm.mentions': { user_ids: [bob.userId] } },
    { ...text, 'm.relates_to': { rel_type: 'm.thread', event_id: root } },
  ];
  const found = [];
  for (const content of contents) {
    await alice.send(roomId, 'm.room.message', content);
    await reader.streams.catchUp();
    reader.asked.length = 0;
    const count = (await counts.find(user, rooms, events.horizon)).get(nids.room_nid);
    assert.deepEqual(reader.asked, []);
    assert.deepEqual(count, (await reader.newCounts().find(user, rooms, events.horizon)).get(nids.room_nid));
    found.push([count?.main.notifications, count?.main.highlights, count?.threads.size]);
  }
  // The root was there when Bob's counts were first asked for.
  assert.deepEqual(found, [
    [2, 0, 0],
    [3, 1, 0],
    [4, 1, 0],
    [5, 2, 0],
    [5, 2, 0],
    [5, 2, 1],
  ]);
});
