/**
 * Proves that servers which were cut from each other, or heard each other badly, served their users meanwhile and agree
 * afterwards. CAUSEWAY_TEST_CUT_MS is how long the longer cut lasts.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { makeDeviceKeys } from '#test/encryption/test-keys.ts';
import { Ledger, untilAgreed } from '#test/federation/agreement.ts';
import { Follower } from '#test/federation/follower.ts';
import { askDatabase } from '#test/federation/shared-rooms.ts';
import { startLinkedServers, type LinkedServer, type LinkedServers } from '#test/federation/linked-servers.ts';
import { encode, logIn, testPassword, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject } from '#test/support/matrix-shapes.ts';
import { chooseSeed } from '#test/support/seeded.ts';

const longCutMs = Number(process.env['CAUSEWAY_TEST_CUT_MS'] ?? 3_000);
/** More than this of a room is not sent one by one to a server that was away. */
const catchUpEventsMax = 100;
/** By each side. */
const saidInBadWeather = 25;

describe('servers that hear each other badly', () => {
  let network: LinkedServers;
  let a: LinkedServer;
  let b: LinkedServer;
  let c: LinkedServer;
  before(async () => {
    network = await startLinkedServers(3, {
      CAUSEWAY_FEDERATION_CATCH_UP_EVENTS_MAX: String(catchUpEventsMax),
      // Where replies are lost only the first transaction gets through: that somebody has come online is not to be it.
      CAUSEWAY_PRESENCE_ENABLED: 'false',
    });
    const [first, second, third] = network.servers;
    assert.ok(first && second && third);
    [a, b, c] = [first, second, third];
  });
  afterEach(() => network.reset());
  after(() => network[Symbol.asyncDispose]());

  const newUser = (server: LinkedServer, name: string): Promise<MatrixHttp> => server.newUser(uniqueName(name));
  const join = async (user: MatrixHttp, roomId: string, via: LinkedServer): Promise<void> => {
    const answer = await user.raw('POST', `/join/${encode(roomId)}?via=${encode(via.name)}`, { body: {} });
    assert.equal(answer.status, 200, answer.bodyText);
  };
  const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
    const deadline = performance.now() + 60_000;
    while (!(await isSo())) {
      assert.ok(performance.now() < deadline, `It did not come to pass that ${what}.`);
      await delay(50);
    }
  };
  const follow = async (on: AsyncDisposableStack, users: readonly MatrixHttp[]): Promise<Follower[]> => {
    const followers = await Promise.all(users.map((user) => Follower.start(user)));
    for (const follower of followers) on.use(follower);
    return followers;
  };
  /** Logs in once more, with the keys of a new device. */
  const addDevice = async (user: MatrixHttp): Promise<string> => {
    const device = await logIn(user.baseUrl, user.userId, testPassword);
    const { keys } = makeDeviceKeys(device);
    const answer = await device.raw('POST', '/keys/upload', { body: { device_keys: keys } });
    assert.equal(answer.status, 200, answer.bodyText);
    return device.deviceId;
  };
  const knowsDevice = async (asker: MatrixHttp, userId: string, deviceId: string): Promise<boolean> => {
    const { body } = await asker.raw('POST', '/keys/query', { body: { device_keys: { [userId]: [] } } });
    const devices = asObject(body['device_keys'] ?? {}, 'device_keys')[userId];
    return Object.hasOwn(asObject(devices ?? {}, 'devices'), deviceId);
  };

  for (const [cutMs, saidBy] of [
    [500, [15, 15]],
    // So much from one side that the other one is told of the newest only.
    [longCutMs, [catchUpEventsMax + 30, 40]],
  ] as const) {
    test(`R11: two servers that are cut from each other for ${cutMs} ms serve their users, and agree afterwards`, async () => {
      await using clients = new AsyncDisposableStack();
      const ledger = new Ledger();
      const askedBefore = await a.countRequests('federation.getMissingPreviousEvents');
      const [alice, bob] = [await newUser(a, 'alice'), await newUser(b, 'bob')];
      const everybodyChanges = { preset: 'public_chat', power_level_content_override: { state_default: 0 } };
      const rooms = [await alice.createRoom(everybodyChanges), await bob.createRoom(everybodyChanges)];
      const [first = '', second = ''] = rooms;
      await join(bob, first, a);
      await join(alice, second, b);
      const followers = await follow(clients, [alice, bob]);
      const readers = [alice, bob];
      await ledger.note(alice, bob, 'before');
      await untilAgreed({ ledger, rooms, readers, followers });

      await network.setBetween(a, b, { passes: 'nothing' });
      const healed = delay(cutMs);
      const speak = async (user: MatrixHttp, count: number): Promise<void> => {
        for (let n = 0; n < count; n += 1) await ledger.say(user, first, `${user.userId} ${n}`);
        await ledger.say(user, second, 'in the other room');
        await ledger.change(user, second, 'org.example.mark', { by: user.userId }, 'of either');
      };
      await Promise.all([speak(alice, saidBy[0]), speak(bob, saidBy[1])]);
      await ledger.change(alice, first, 'm.room.topic', { topic: 'said while nobody heard it' });
      for (const text of ['one', 'two', 'three']) {
        await ledger.note(alice, bob, text);
        await ledger.note(bob, alice, text);
      }
      const phone = await addDevice(bob);
      // All of this was served while nothing passed.
      await healed;
      await network.setBetween(a, b);

      await untilAgreed({ ledger, rooms, readers, followers });
      const isAsked = (await a.countRequests('federation.getMissingPreviousEvents')) > askedBefore;
      if (saidBy[0] > catchUpEventsMax) assert.ok(isAsked, 'what was not sent one by one is asked for');
      await until('the new device is told of', () => followers[0]?.changedDevices.has(bob.userId) === true);
      await until('the new device is known', () => knowsDevice(alice, bob.userId, phone));
      // Nothing of it comes again with what comes next.
      for (const user of readers) await ledger.say(user, first, 'afterwards');
      await untilAgreed({ ledger, rooms, readers, followers });
    });
  }

  test('R12: replies that are lost make a server send again, and the other one shows each event once', async () => {
    await using clients = new AsyncDisposableStack();
    const ledger = new Ledger();
    const [alice, bob] = [await newUser(a, 'alice'), await newUser(b, 'bob')];
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await join(bob, roomId, a);
    const followers = await follow(clients, [alice, bob]);
    const agreed = { ledger, rooms: [roomId], readers: [alice, bob], followers };
    const countRepeated = async (): Promise<number> => {
      const [row] = await askDatabase(b, 'select count(*)::int as taken from inbound_transactions where origin = $1', [
        a.name,
      ]);
      return (await b.countRequests('federation.sendTransaction')) - Number(row?.['taken']);
    };
    await ledger.say(alice, roomId, 'all is well');
    await untilAgreed(agreed);
    const repeatedBefore = await countRepeated();
    for (let round = 0; round < 3; round += 1) {
      await network.set(a, b, { passes: 'questions' });
      const eventId = await ledger.say(alice, roomId, `nobody hears that ${round} was heard`);
      await ledger.note(alice, bob, `note ${round}`);
      const isSeen = (): boolean => followers[1]?.events.get(roomId)?.some((own) => own.event_id === eventId) === true;
      await until('it is heard all the same', isSeen);
      for (let n = 0; n < 5; n += 1) await ledger.say(alice, roomId, `${n} of round ${round}`);
      await network.set(a, b);
      await untilAgreed(agreed);
    }
    const repeated = (await countRepeated()) - repeatedBefore;
    assert.ok(repeated >= 3, `each of three transactions whose answer was lost came again; there were ${repeated}`);
  });

  for (const version of ['10', '12']) {
    test(`R13: version ${version}: three servers, two of which are cut from each other, end in one state`, async () => {
      await using clients = new AsyncDisposableStack();
      const ledger = new Ledger();
      const readers = [await newUser(a, 'alice'), await newUser(b, 'bob'), await newUser(c, 'carol')] as const;
      const [alice, bob, carol] = readers;
      const [trudy, mallory, ivan] = [await newUser(a, 'trudy'), await newUser(b, 'mallory'), await newUser(b, 'ivan')];
      const roomId = await alice.createRoom({
        preset: 'public_chat',
        room_version: version,
        // What is undone makes room for this: /sync has no words for a key of the state that is gone.
        name: 'before the cut',
        topic: 'before the cut',
        power_level_content_override: {
          users: { ...(version === '12' ? {} : { [alice.userId]: 100 }), [bob.userId]: 90, [carol.userId]: 90 },
          events: { 'm.room.power_levels': 50 },
        },
      });
      const rooms = [roomId];
      for (const user of [bob, carol, trudy, mallory, ivan]) await join(user, roomId, a);
      const setPower = async (by: MatrixHttp, powers: Readonly<Record<string, number>>): Promise<void> => {
        const levels = await by.getState(roomId, 'm.room.power_levels');
        const users = { ...asObject(levels['users'], 'users'), ...powers };
        await ledger.change(by, roomId, 'm.room.power_levels', { ...levels, users });
      };
      const ban = async (by: MatrixHttp, user: MatrixHttp): Promise<void> => {
        const answer = await by.raw('POST', `/rooms/${encode(roomId)}/ban`, { body: { user_id: user.userId } });
        assert.equal(answer.status, 200, answer.bodyText);
      };
      const enter = async (server: LinkedServer, name: string): Promise<void> => {
        await (await newUser(server, name)).join(roomId);
      };
      const followers = await follow(clients, readers);
      const agreed = { ledger, rooms, readers, followers };
      await setPower(alice, { [ivan.userId]: 50 });
      await untilAgreed(agreed);

      await network.setBetween(a, b, { passes: 'nothing' });
      await Promise.all([
        (async () => {
          await ban(alice, mallory);
          await ledger.say(trudy, roomId, 'I am still here', true);
          await ledger.change(alice, roomId, 'm.room.topic', { topic: `of ${alice.userId}` });
          await enter(a, 'erin');
          await setPower(alice, { [ivan.userId]: 0 });
        })(),
        (async () => {
          await ban(bob, trudy);
          await ledger.say(mallory, roomId, 'so am I', true);
          await ledger.change(ivan, roomId, 'm.room.name', { name: 'of one who may no longer' }, '', true);
          await enter(b, 'frank');
          await setPower(bob, { [bob.userId]: 60 });
          await ledger.change(bob, roomId, 'm.room.topic', { topic: `of ${bob.userId}` });
        })(),
        (async () => {
          await enter(c, 'grace');
          await setPower(carol, { [ivan.userId]: 40 });
          await ledger.say(carol, roomId, 'I hear both');
        })(),
      ]);
      // What the third server says follows what both said, which they then learn of it.
      const [said, heard] = [await ledger.say(alice, roomId, 'to bob'), await ledger.say(bob, roomId, 'to alice')];
      const sees = (index: number, eventId: string) => (): boolean =>
        followers[index]?.events.get(roomId)?.some((own) => own.event_id === eventId) === true;
      for (const eventId of [said, heard]) await until('the third server hears both', sees(2, eventId));
      await ledger.say(carol, roomId, 'you are cut off');
      await until('bob hears alice through the third server', sees(1, said));
      await until('alice hears bob through the third server', sees(0, heard));
      await network.setBetween(a, b);
      await untilAgreed(agreed);
      for (const user of readers) await ledger.say(user, roomId, 'afterwards');
      await untilAgreed(agreed);
    });
  }

  test('R14: a slow and lossy link brings no storm of requests and disturbs no local send, and all agree', async (t) => {
    await using clients = new AsyncDisposableStack();
    const seed = chooseSeed();
    t.diagnostic(`CAUSEWAY_TEST_SEED=${seed}`);
    const ledger = new Ledger();
    const [alice, bob] = [await newUser(a, 'alice'), await newUser(b, 'bob')];
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      power_level_content_override: { state_default: 0 },
    });
    await join(bob, roomId, a);
    const followers = await follow(clients, [alice, bob]);
    const agreed = { ledger, rooms: [roomId], readers: [alice, bob], followers };
    await untilAgreed(agreed);
    const count = async (): Promise<{ connections: number; requests: number; transactions: number }> => {
      const taken = 'select count(*)::int as taken from inbound_transactions';
      const rows = await Promise.all([a, b].map((server) => askDatabase(server, taken)));
      const requests = await Promise.all([a, b].map((server) => server.countRequests('federation.sendTransaction')));
      return {
        connections: (await network.countConnections(a, b)) + (await network.countConnections(b, a)),
        requests: requests.reduce((sum, one) => sum + one, 0),
        transactions: rows.reduce((sum, [row]) => sum + Number(row?.['taken']), 0),
      };
    };

    const before = await count();
    const began = performance.now();
    // Connections that are there already would be spared.
    await network.setBetween(a, b, { passes: 'nothing' });
    const weather = { delayMs: 200, jitterMs: 50, bytesPerSecond: 8_000, breaksOneIn: 3, stallsOneIn: 5 };
    await network.set(a, b, { ...weather, seed });
    await network.set(b, a, { ...weather, seed: seed + 1 });
    const latencies: number[] = [];
    await Promise.all(
      [alice, bob].map(async (user) => {
        for (let n = 0; n < saidInBadWeather; n += 1) {
          const from = performance.now();
          await ledger.say(user, roomId, `${user.userId} ${n}`);
          latencies.push(performance.now() - from);
          if (n % 10 === 0) await ledger.change(user, roomId, 'org.example.mark', { n }, 'of either');
          if (n % 10 === 5) await ledger.note(user, user === alice ? bob : alice, `note ${n} of ${user.userId}`);
          await delay(100);
        }
      }),
    );
    const spokenMs = performance.now() - began;
    // The link stays as it is.
    await untilAgreed(agreed);
    const seconds = (performance.now() - began) / 1_000;
    const after = await count();
    const [connections, requests, transactions] = [
      after.connections - before.connections,
      after.requests - before.requests,
      after.transactions - before.transactions,
    ];
    const slowest = Math.max(...latencies).toFixed(0);
    t.diagnostic(
      `${ledger.said.length} events said in ${spokenMs.toFixed(0)} ms, the slowest in ${slowest} ms; after ${seconds.toFixed(1)} s all agree: ` +
        `${connections} connections, ${requests} requests for ${transactions} transactions`,
    );
    // Each server sends one transaction at a time, and after a failure waits for a second or until it hears of the other.
    assert.ok(requests <= 2 * transactions + 2 * seconds, `${requests} requests for ${transactions} transactions`);
    assert.ok(connections <= 2 * transactions + 4 * seconds, `${connections} connections in ${seconds} seconds`);
  });
});
