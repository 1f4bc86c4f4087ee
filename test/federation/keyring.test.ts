/** Proves which keys of other servers are believed, for how long, and how often anybody is asked for them. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Clock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { KeyStore } from '#federation/key-store.ts';
import { createKeyring, type Keyring } from '#federation/keyring.ts';
import { createNotary } from '#federation/notary.ts';
import { RemoteUnreachable } from '#federation/remote-errors.ts';
import type { Transport } from '#federation/transport.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { roomVersions } from '#matrix/room-versions.ts';
import { buildServerKeys, type OwnKeys } from '#matrix/server-keys.ts';
import { generateSigningKey, signText, type SigningKey } from '#matrix/signing-keys.ts';
import { hashAndSignEvent, signJson } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { openDatabase, type Database } from '#storage/database.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';

const DAY_MS = 24 * 3_600_000;
const us: OwnKeys = { signer: { serverName: 'us.test', key: generateSigningKey('us') }, expired: [] };
const notaryKeys: OwnKeys = { signer: { serverName: 'notary.test', key: generateSigningKey('n') }, expired: [] };

describe('keys of other servers', () => {
  const resources = new AsyncDisposableStack();
  let database: Database;
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs, monotonicMs: () => nowMs };
  /** What each server answers: a function, or nothing when it is away. */
  const answers = new Map<string, (body: string | undefined) => JsonValue | Promise<JsonValue>>();
  let asked: string[];
  const transport: Transport = async (serverName, { body }) => {
    asked.push(serverName);
    const answer = answers.get(serverName);
    if (answer === undefined) throw new RemoteUnreachable(`${serverName} is away.`);
    return { status: 200, headers: {}, bytes: Buffer.from(JSON.stringify(await answer(body))) };
  };
  let keys: KeyStore;
  let keyring: Keyring;
  const isLocal = (id: string): boolean => id === 'us.test';
  /** As a process does that knows only what the database has. */
  const restart = (): void => {
    const logger = createLogger('silent');
    keys = new KeyStore({ database, transport, clock, logger, notaries: ['notary.test'] });
    keyring = createKeyring({ keys, ownKeys: us, isLocal, clock });
  };
  before(async () => {
    const on = resources.use(await createMigratedDatabase());
    database = resources.use(openDatabase(on.connection, { poolSize: 3, logger: createLogger('silent') }));
  });
  after(() => resources.disposeAsync());
  beforeEach(() => {
    nowMs += 400 * DAY_MS;
    answers.clear();
    asked = [];
    restart();
  });

  let count = 0;
  /** A server with a name of its own, which publishes its key for a day. */
  const newServer = (key = generateSigningKey('a')): { name: string; key: SigningKey } => {
    count += 1;
    const name = `hs${count}.test`;
    answers.set(name, () => buildServerKeys({ signer: { serverName: name, key }, expired: [] }, nowMs + DAY_MS));
    return { name, key };
  };
  const eventOf = (
    serverName: string,
    key: SigningKey,
    ts: number,
    version = '11',
    over: JsonObject = {},
  ): ValidatedPdu => {
    const rules = roomVersions.get(version);
    assert.ok(rules);
    const draft = { room_id: '!r:hs.test', sender: `@a:${serverName}`, type: 'm.room.message', content: { body: 'x' } };
    const refs = { prev_events: [], auth_events: [], depth: 1, origin_server_ts: ts };
    const signed = hashAndSignEvent({ ...draft, ...refs }, rules, { serverName, key });
    const verdict = validatePdu(JSON.stringify({ ...signed, ...over }), rules);
    assert.ok(verdict.ok);
    return verdict.event;
  };
  const isBelieved = async (event: ValidatedPdu): Promise<boolean> => {
    const [checked] = await keyring.checkEvents([event]);
    return checked?.ok === true;
  };
  const isRequestBelieved = (serverName: string, key: SigningKey, keyId = key.keyId): Promise<boolean> =>
    keyring.checkRequest(serverName, keyId, 'text', signText('text', key));

  test('a batch of events is judged in order, and each server is asked once', async () => {
    const [one, other] = [newServer(), newServer()];
    const forged = eventOf(one.name, other.key, nowMs);
    const events = [1, 2, 3, 4, 5].flatMap((n) => [
      eventOf(one.name, one.key, nowMs - n),
      eventOf(other.name, other.key, nowMs - n),
    ]);
    const checked = await keyring.checkEvents([...events, forged]);
    assert.deepEqual(
      checked.map(({ ok }) => ok),
      [...events.map(() => true), false],
    );
    assert.deepEqual(asked.toSorted(), [one.name, other.name].toSorted());
    restart();
    assert.ok(await isBelieved(events[0] ?? forged), 'another process has them from the database');
    assert.equal(asked.length, 2);
  });

  test('an event with a wrong content hash comes back redacted, one without a signature of its sender does not', async () => {
    const { name, key } = newServer();
    const [changed] = await keyring.checkEvents([eventOf(name, key, nowMs, '11', { content: { body: 'changed' } })]);
    assert.ok(changed?.ok);
    assert.deepEqual(changed.event.pdu.content, {});
    assert.ok(
      !(await isBelieved(eventOf(name, key, nowMs, '11', { signatures: { 'other.test': { 'ed25519:a': 'x' } } }))),
    );
    assert.ok(!(await isBelieved(eventOf(name, key, nowMs, '11', { sender: '@a:other.test' }))));
  });

  test('our own events are known without asking', async () => {
    assert.ok(await isBelieved(eventOf('us.test', us.signer.key, nowMs)));
    assert.ok(!(await isBelieved(eventOf('us.test', generateSigningKey('us'), nowMs))));
    assert.deepEqual(asked, []);
  });

  test('F14: a thousand unknown key ids cost one question, and so do those who ask together', async () => {
    const { name, key } = newServer();
    const ids = Array.from({ length: 1_000 }, (_, index) => `ed25519:unknown${index}`);
    const believed = await Promise.all(ids.map((id) => isRequestBelieved(name, key, id)));
    assert.ok(believed.every((each) => !each));
    for (const id of ids.slice(0, 20)) assert.equal(await isRequestBelieved(name, key, id), false);
    assert.deepEqual(asked, [name]);
    assert.ok(await isRequestBelieved(name, key));
    nowMs += 31_000;
    await isRequestBelieved(name, key, 'ed25519:unknown');
    assert.deepEqual(asked, [name, name]);
  });

  test('F14: a server that is away is asked again later each time, but after a minute at most', async () => {
    const away = { name: 'away.test', key: generateSigningKey('a') };
    const questions = async (): Promise<number> => {
      asked.length = 0;
      await isRequestBelieved(away.name, away.key);
      return asked.filter((name) => name === away.name).length;
    };
    assert.deepEqual([await questions(), await questions()], [1, 0]);
    nowMs += 8_000;
    assert.deepEqual([await questions(), await questions()], [1, 0]);
    nowMs += 8_000;
    assert.equal(await questions(), 0);
    for (let times = 0; times < 10; times++) {
      nowMs += 60_001;
      assert.equal(await questions(), 1);
    }
  });

  test('F14: what is no document of the server itself is not believed', async () => {
    const other = newServer();
    const key = generateSigningKey('a');
    const own = (name: string): JsonObject =>
      buildServerKeys({ signer: { serverName: name, key }, expired: [] }, nowMs + DAY_MS);
    const oddities: ((name: string) => JsonValue)[] = [
      () => null,
      () => [],
      () => ({}),
      () => buildServerKeys({ signer: { serverName: other.name, key: other.key }, expired: [] }, nowMs + DAY_MS),
      (name) => ({ ...own(name), signatures: {} }),
      (name) => ({ ...own(name), valid_until_ts: nowMs + 2 * DAY_MS }),
      (name) => ({ ...own(name), valid_until_ts: 'soon' }),
      (name) => ({ ...own(name), verify_keys: { 'ed25519:a': { key: other.key.publicKey } } }),
      (name) => ({ ...own(name), verify_keys: {} }),
    ];
    for (const [index, oddity] of oddities.entries()) {
      const name = `odd${index}.test`;
      answers.set(name, () => oddity(name));
      assert.ok(!(await isRequestBelieved(name, key)), String(oddity));
      assert.ok(!(await isBelieved(eventOf(name, key, nowMs))), String(oddity));
    }
    answers.set('right.test', () => own('right.test'));
    assert.ok(await isRequestBelieved('right.test', key), 'the same without a fault is believed');
  });

  test('a key is good for a week at most, whatever its server says, and in rooms of before version 5 for ever', async () => {
    const { name, key } = newServer();
    answers.set(name, () => buildServerKeys({ signer: { serverName: name, key }, expired: [] }, nowMs + 365 * DAY_MS));
    assert.ok(await isBelieved(eventOf(name, key, nowMs + 6 * DAY_MS)));
    assert.ok(!(await isBelieved(eventOf(name, key, nowMs + 8 * DAY_MS))));
    assert.ok(await isBelieved(eventOf(name, key, nowMs + 8 * DAY_MS, '4')));
    answers.delete(name);
    nowMs += 7 * DAY_MS + 1;
    assert.ok(!(await isRequestBelieved(name, key)));
    assert.ok(await isBelieved(eventOf(name, key, nowMs - DAY_MS)));
  });

  test('an old key is good for events of before it was over, and for no request', async () => {
    const old = generateSigningKey('old');
    const { name, key } = newServer();
    const expired = [{ key: old, expiredTs: nowMs - DAY_MS }];
    answers.set(name, () => buildServerKeys({ signer: { serverName: name, key }, expired }, nowMs + DAY_MS));
    assert.ok(await isBelieved(eventOf(name, old, nowMs - DAY_MS - 1)));
    assert.ok(!(await isBelieved(eventOf(name, old, nowMs - DAY_MS))));
    assert.ok(!(await isRequestBelieved(name, old)));
    assert.ok(await isRequestBelieved(name, key));
  });

  test('a key that its server no longer lists is good for what was signed before, also for another process', async () => {
    const { name, key } = newServer();
    assert.ok(await isRequestBelieved(name, key));
    const next = generateSigningKey('b');
    answers.set(name, () => buildServerKeys({ signer: { serverName: name, key: next }, expired: [] }, nowMs + DAY_MS));
    nowMs += 60_000;
    const withdrawnAt = nowMs;
    assert.ok(await isRequestBelieved(name, next));
    for (const again of [() => undefined, restart]) {
      again();
      assert.ok(!(await isRequestBelieved(name, key)));
      assert.ok(await isBelieved(eventOf(name, key, withdrawnAt - 1)));
      assert.ok(!(await isBelieved(eventOf(name, key, withdrawnAt + 1))));
    }
  });

  test('keys are renewed when half of their time is over, while nobody waits', async () => {
    const { name, key } = newServer();
    await isRequestBelieved(name, key);
    nowMs += DAY_MS / 2 - 1_000;
    assert.ok(await isRequestBelieved(name, key));
    assert.equal(asked.length, 1);
    nowMs += 2_000;
    assert.ok(await isRequestBelieved(name, key));
    assert.equal(asked.length, 2);
    await keys.refresh(name);
    nowMs += DAY_MS - 10_000;
    assert.ok(await isRequestBelieved(name, key), 'beyond what the first answer said');
  });

  test('an event of after the time of the known keys has its server asked again', async () => {
    const { name, key } = newServer();
    assert.ok(await isBelieved(eventOf(name, key, nowMs)));
    nowMs += 2 * DAY_MS;
    assert.ok(await isBelieved(eventOf(name, key, nowMs)));
    assert.equal(asked.length, 2);
  });

  describe('through a notary', () => {
    const asNotary = (document: JsonObject): JsonValue => ({ server_keys: [signJson(document, notaryKeys.signer)] });
    const answerAsNotary = (vouch: (body: string) => JsonValue): void =>
      void answers.set('notary.test', (body) =>
        body === undefined ? buildServerKeys(notaryKeys, nowMs + DAY_MS) : vouch(body),
      );

    test('a server that is away is known by those who are trusted', async () => {
      const key = generateSigningKey('a');
      const document = buildServerKeys({ signer: { serverName: 'gone.test', key }, expired: [] }, nowMs + DAY_MS);
      let question = '';
      answerAsNotary((body) => {
        question = body;
        return asNotary(document);
      });
      assert.ok(await isBelieved(eventOf('gone.test', key, nowMs + DAY_MS / 2)));
      const criteria = { '': { minimum_valid_until_ts: nowMs + DAY_MS / 2 } };
      assert.deepEqual(JSON.parse(question), { server_keys: { 'gone.test': criteria } });
    });

    test('F14: what a notary has not signed, or says of another server, is not believed', async () => {
      const key = generateSigningKey('a');
      const of = (name: string): JsonObject =>
        buildServerKeys({ signer: { serverName: name, key }, expired: [] }, nowMs + DAY_MS);
      answerAsNotary(() => ({ server_keys: [of('unsigned.test')] }));
      assert.ok(!(await isBelieved(eventOf('unsigned.test', key, nowMs))));
      answerAsNotary(() => asNotary(of('another.test')));
      assert.ok(!(await isBelieved(eventOf('wanted.test', key, nowMs))));
      const forged = { ...of('forged.test'), verify_keys: { 'ed25519:a': { key: generateSigningKey('a').publicKey } } };
      answerAsNotary(() => asNotary(forged));
      assert.ok(!(await isBelieved(eventOf('forged.test', key, nowMs))));
    });

    test('F14: a notary puts no other key in the place of a known one, in memory and in the database', async () => {
      const { name, key } = newServer();
      assert.ok(await isBelieved(eventOf(name, key, nowMs)));
      answers.delete(name);
      const other = generateSigningKey('a');
      answerAsNotary(() =>
        asNotary(buildServerKeys({ signer: { serverName: name, key: other }, expired: [] }, nowMs + 2 * DAY_MS)),
      );
      nowMs += 2 * DAY_MS;
      for (const again of [() => undefined, restart]) {
        again();
        assert.ok(!(await isBelieved(eventOf(name, other, nowMs))));
        assert.ok(!(await isRequestBelieved(name, other)));
        assert.ok(await isBelieved(eventOf(name, key, nowMs - 2 * DAY_MS)));
      }
    });

    test('as a notary it signs what servers have published, also of one that is away, and nothing of a stranger', async () => {
      const notary = createNotary({ database, clock, ownKeys: us, isLocal, isEnabled: true, keys });
      const { name, key } = newServer();
      const told = async (until?: number): Promise<JsonObject[]> => [
        ...(await notary.findDocuments(
          new Map([
            [name, until],
            ['stranger.test', until],
            ['no server', until],
          ]),
        )),
      ];
      const [document, ...others] = await told();
      assert.deepEqual(others, []);
      assert.ok(document);
      assert.deepEqual(Object.keys(Object(document['signatures'])).toSorted(), [name, 'us.test'].toSorted());
      assert.ok(await keyring.checkJson('us.test', document));
      assert.ok(await keyring.checkJson(name, document));
      assert.ok(!(await keyring.checkJson(name, { ...document, valid_until_ts: 1 })));
      assert.deepEqual(
        asked.filter((server) => server === name),
        [name],
      );
      answers.delete(name);
      nowMs += 3 * DAY_MS;
      assert.deepEqual((await told(nowMs))[0]?.['verify_keys'], { [key.keyId]: { key: key.publicKey } });
      const [own] = await notary.findDocuments(new Map([['us.test', undefined]]));
      assert.equal(own?.['server_name'], 'us.test');
    });
  });
});
