/** Proves that what PostgreSQL asks for again is done again, once: a fifth of all transactions is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startLoad } from '#test/reliability/load-run.ts';
import { connect, type SqlClient } from '#test/reliability/own-postgres.ts';
import { encode, registerUser, uniqueName, type Answer } from '#test/support/matrix-http.ts';
import { asArray, type ClientEvent } from '#test/support/matrix-shapes.ts';
import { startServerProcess } from '#test/support/server-process.ts';
import { createTestDatabase } from '#test/support/test-database.ts';
import { sectionOf } from '#test/support/sync-sections.ts';

/** By the number of the transaction, so that exactly a fifth of those that write is refused, whatever they write. */
async function refuseOneInFive(sql: SqlClient): Promise<void> {
  await sql.rows('create sequence refused_conflicts');
  await sql.rows('create sequence refused_deadlocks');
  await sql.rows(
    `create function refuse_one_in_five() returns trigger language plpgsql as $$
     begin
       case (hashint8(txid_current()) & 1073741823) % 10
         when 0 then
           perform nextval('refused_conflicts');
           raise exception 'refused by the test' using errcode = '40001';
         when 1 then
           perform nextval('refused_deadlocks');
           raise exception 'refused by the test' using errcode = '40P01';
         else return null;
       end case;
     end $$`,
  );
  const tables = await sql.rows<{ name: string }>(
    `select quote_ident(relname) as name from pg_class
     where relnamespace = 'public'::regnamespace and relkind = 'r'`,
  );
  for (const { name } of tables) {
    await sql.rows(
      `create trigger refuse after insert or update or delete on ${name}
       for each statement execute function refuse_one_in_five()`,
    );
  }
}

const refused = `select (select last_value from refused_conflicts)::int as conflicts,
  (select last_value from refused_deadlocks)::int as deadlocks`;

test('R7: serialisation failures and deadlocks in a fifth of all transactions are not noticed by anybody', async (context) => {
  await using database = await createTestDatabase();
  await using server = await startServerProcess({ databaseUrl: database.url });
  await using sql = await connect(database.connection);
  await using load = await startLoad(server.baseUrl);
  await refuseOneInFive(sql);
  await load.awaitProgress('the first refusals');

  const bob = await registerUser(server.baseUrl, uniqueName('bob'));
  const [alice] = load.users;
  assert.ok(alice);
  const made: string[] = [];
  const note = (n: number) => ({ messages: { [bob.userId]: { [bob.deviceId]: { n } } } });
  for (let n = 0; n < 20; n++) {
    const roomId = await alice.createRoom({ name: `room ${n}` });
    made.push(roomId);
    await alice.invite(roomId, bob.userId);
    await bob.join(roomId);
    const name = { displayname: `Bob ${n}` };
    const path = `/profile/${encode(bob.userId)}/displayname`;
    assert.equal((await bob.raw('PUT', path, { body: name })).status, 200);
    const typing = await bob.raw('PUT', `/rooms/${encode(roomId)}/typing/${encode(bob.userId)}`, {
      body: { typing: true, timeout: 1_000 },
    });
    assert.equal(typing.status, 200, typing.bodyText);
    const sent: Answer = await alice.raw('PUT', `/sendToDevice/org.example.note/${n}`, { body: note(n) });
    assert.equal(sent.status, 200, sent.bodyText);
    await alice.sendText(roomId, `message ${n}`);
  }
  // Nothing was done twice: as many rooms, as many messages, each with one event of its own.
  const joined = asArray((await bob.raw('GET', '/joined_rooms')).body['joined_rooms'], 'joined_rooms').map(String);
  assert.deepEqual(joined.toSorted(), made.toSorted());
  const told = sectionOf((await bob.sync()).raw, 'to_device').map(({ content }) => content['n']);
  assert.deepEqual(told, [...made.keys()]);
  for (const [n, roomId] of made.entries()) {
    const history: readonly ClientEvent[] = await alice.getHistory(roomId);
    const bodies = history.filter(({ type }) => type === 'm.room.message').map(({ content }) => content['body']);
    assert.deepEqual(bodies, [`message ${n}`]);
  }
  await load.repeatLatest();
  await load.judge(context);
  const [counts] = await sql.rows<{ conflicts: number; deadlocks: number }>(refused);
  context.diagnostic(`${counts?.conflicts} conflicts and ${counts?.deadlocks} deadlocks were raised`);
  assert.ok((counts?.conflicts ?? 0) > 20 && (counts?.deadlocks ?? 0) > 20);
  await server.stop();
});
