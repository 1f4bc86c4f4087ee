/** Proves that an event which cannot be persisted yet is put off, and is taken up when that may have changed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { missingPath, tellMissing } from '#test/federation/history-script.ts';
import { PeerRoom, syncUntil } from '#test/federation/peer-room.ts';
import { until } from '#test/federation/sending.ts';
import { askDatabase } from '#test/federation/shared-rooms.ts';
import { startServerAndPeer, type ServerAndPeer } from '#test/federation/server-and-peer.ts';
import { type FederatedServer } from '#test/support/federated-servers.ts';

describe('events that are put off', () => {
  let stage: ServerAndPeer;
  let server: ServerAndPeer['server'];
  let peer: ServerAndPeer['peer'];
  let alice: ServerAndPeer['alice'];
  before(async () => {
    stage = await startServerAndPeer();
    ({ server, peer, alice } = stage);
  });
  after(() => stage[Symbol.asyncDispose]());

  const historyOf = async (room: PeerRoom): Promise<string[]> =>
    (await alice.getHistory(room.roomId)).map((event) => event.event_id);
  const isAsked = (room: PeerRoom): Promise<void> =>
    until(() => peer.requests.some(({ target }) => target === missingPath(room)));

  for (const way of ['by itself', 'before another one that follows it']) {
    test(`an event whose predecessor comes later, ${way}, is shown soon after it`, async () => {
      const room = await PeerRoom.create(peer, server, alice);
      const [one, two] = [room.say('one'), room.say('two')];
      const other = room.say('also after one', { prevIds: [one.eventId] });
      await using _ = await putOffForLong(server);
      await room.send([two]);
      await isPutOff(server, two.eventId);
      tellMissing(room, [one]);
      await room.send([way === 'by itself' ? one : other]);
      await syncUntil(alice, undefined, room.roomId, two.eventId);
      const history = await historyOf(room);
      assert.ok(history.indexOf(one.eventId) < history.indexOf(two.eventId));
    });
  }

  test('an event that is sent again while it is being put off is tried again at once', async () => {
    const room = await PeerRoom.create(peer, server, alice);
    const [one, two] = [room.say('one'), room.say('two')];
    const gate = Promise.withResolvers<void>();
    peer.answer('POST', missingPath(room), async () => {
      await gate.promise;
      return { events: [] };
    });
    await using _ = await putOffForLong(server);
    await room.send([two]);
    await isAsked(room);
    await using lock = await lockStaged(server, two.eventId);
    const again = room.send([two]);
    await lock.isWaitedFor(1);
    // The server gives up filling the gap, and puts the event off after the peer has sent it again.
    gate.resolve();
    await lock.isWaitedFor(2);
    tellMissing(room, [one]);
    await lock.release();
    await again;
    await syncUntil(alice, undefined, room.roomId, two.eventId);
    assert.deepEqual((await historyOf(room)).slice(-2), [one.eventId, two.eventId]);
  });
});

async function isPutOff(server: FederatedServer, eventId: string): Promise<void> {
  const sql = 'select from inbound_staging where event_id = $1 and attempts > 0';
  await until(async () => (await askDatabase(server, sql, [eventId])).length > 0);
}

/** What is put off from now on is put off for longer than a test takes. */
async function putOffForLong(server: FederatedServer): Promise<AsyncDisposable> {
  await askDatabase(
    server,
    `create or replace function test_put_off() returns trigger language plpgsql as
     $$ begin new.due_at := new.due_at + 3600000; return new; end $$;
     create trigger test_put_off before update on inbound_staging
     for each row when (new.attempts > old.attempts) execute function test_put_off()`,
  );
  return {
    [Symbol.asyncDispose]: async () => void (await askDatabase(server, 'drop trigger test_put_off on inbound_staging')),
  };
}

/** Holds the row of an event that waits. */
async function lockStaged(server: FederatedServer, eventId: string) {
  const holder = new Client(server.database.connection);
  await holder.connect();
  await holder.query('begin');
  await holder.query('select from inbound_staging where event_id = $1 for update', [eventId]);
  const waiting = `select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%inbound_staging%'`;
  return {
    isWaitedFor: (count: number): Promise<void> =>
      until(async () => (await askDatabase(server, waiting)).length >= count),
    release: async (): Promise<void> => void (await holder.query('commit')),
    [Symbol.asyncDispose]: () => holder.end(),
  };
}
