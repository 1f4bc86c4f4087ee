/** Owns the tests of key backups. Specification: "Server-side key backups". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { asObject, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2';
const [roomA, roomB] = ['!a:hs1.test', `!${'b'.repeat(43)}`];

const keyOf = (first_message_index: number, forwarded_count = 0, is_verified = false, data: JsonObject = {}) => ({
  first_message_index,
  forwarded_count,
  is_verified,
  session_data: { ciphertext: `${first_message_index}`, ...data },
});

describe('key backups', () => {
  const server = useSuiteServer();

  const create = async (user: MatrixHttp, auth_data: JsonObject = { public_key: 'key' }): Promise<string> => {
    const answer = await user.raw('POST', '/room_keys/version', { body: { algorithm, auth_data } });
    assert.equal(answer.status, 200, answer.bodyText);
    return text(answer.body, 'version');
  };
  const describeBackup = async (user: MatrixHttp, version?: string): Promise<JsonObject> => {
    const answer = await user.raw('GET', `/room_keys/version${version === undefined ? '' : `/${version}`}`);
    assert.equal(answer.status, 200, answer.bodyText);
    return answer.body;
  };
  const keys = (
    user: MatrixHttp,
    method: string,
    version: string,
    path: readonly string[] = [],
    body?: unknown,
  ): Promise<Answer> =>
    user.raw(method, ['/room_keys/keys', ...path.map(encode)].join('/'), {
      query: { version },
      ...(body === undefined ? {} : { body }),
    });
  const stateOf = async (answer: Promise<Answer>): Promise<JsonObject> => {
    const { status, body, bodyText } = await answer;
    assert.equal(status, 200, bodyText);
    assert.deepEqual(Object.keys(body).toSorted(), ['count', 'etag']);
    return body;
  };

  it('are made, described, changed and deleted, and a version is never given twice', async () => {
    const [alice] = await server.newUsers('alice');
    assertError(await alice.raw('GET', '/room_keys/version'), 404, 'M_NOT_FOUND');
    const first = await create(alice);
    const second = await create(alice, { public_key: 'other', signatures: { x: { y: 'z' } } });
    assert.notEqual(first, second);
    const { etag, ...described } = await describeBackup(alice);
    assert.equal(typeof etag, 'string');
    const auth_data = { public_key: 'other', signatures: { x: { y: 'z' } } };
    assert.deepEqual(described, { algorithm, auth_data, count: 0, version: second });
    assert.deepEqual((await describeBackup(alice, first))['auth_data'], { public_key: 'key' });

    const put = (version: string, body: JsonObject): Promise<Answer> =>
      alice.raw('PUT', `/room_keys/version/${version}`, { body });
    assert.equal((await put(first, { algorithm, auth_data: { public_key: 'new' } })).status, 200);
    assert.deepEqual((await describeBackup(alice, first))['auth_data'], { public_key: 'new' });
    assertError(await put(first, { algorithm: 'other', auth_data }), 400, 'M_INVALID_PARAM');
    assertError(await put(first, { algorithm, auth_data, version: second }), 400, 'M_INVALID_PARAM');
    assertError(await put('99', { algorithm, auth_data }), 404, 'M_NOT_FOUND');

    for (let repeat = 0; repeat < 2; repeat += 1) {
      assert.equal((await alice.raw('DELETE', `/room_keys/version/${second}`)).status, 200);
    }
    assertError(await alice.raw('GET', `/room_keys/version/${second}`), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('DELETE', '/room_keys/version/99'), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('DELETE', '/room_keys/version/nonsense'), 404, 'M_NOT_FOUND');
    assert.equal((await describeBackup(alice))['version'], first);
    const third = await create(alice);
    assert.ok(![first, second].includes(third));
    assert.equal((await alice.raw('DELETE', `/room_keys/version/${second}`)).status, 200);
  });

  it('hold keys, which are read alone, by room and all together', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const version = await create(alice);
    assert.deepEqual((await keys(alice, 'GET', version)).body, { rooms: {} });
    assert.deepEqual((await keys(alice, 'GET', version, [roomA])).body, { sessions: {} });
    const odd = 'a/session "with" odd signs';
    const states = [
      await stateOf(keys(alice, 'PUT', version, [roomA, 'S1'], keyOf(1))),
      await stateOf(keys(alice, 'PUT', version, [roomA], { sessions: { S2: keyOf(2), [odd]: keyOf(3) } })),
      await stateOf(keys(alice, 'PUT', version, [], { rooms: { [roomB]: { sessions: { S1: keyOf(4) } } } })),
      await stateOf(keys(alice, 'PUT', version, [], { rooms: {} })),
    ];
    assert.deepEqual(
      states.map(({ count }) => count),
      [1, 3, 4, 4],
    );
    assert.equal(new Set(states.map(({ etag }) => etag)).size, 3, 'the tag changes with the keys, and only then');
    const sessions = { S1: keyOf(1), S2: keyOf(2), [odd]: keyOf(3) };
    const rooms = { [roomA]: { sessions }, [roomB]: { sessions: { S1: keyOf(4) } } };
    assert.deepEqual((await keys(alice, 'GET', version)).body, { rooms });
    assert.deepEqual((await keys(alice, 'GET', version, [roomA])).body, { sessions });
    assert.deepEqual((await keys(alice, 'GET', version, [roomA, odd])).body, keyOf(3));
    const { count, etag } = await describeBackup(alice);
    assert.deepEqual({ count, etag }, states[3]);
    for (const path of [
      [roomA, 'S9'],
      ['!other:hs1.test', 'S1'],
    ]) {
      assertError(await keys(alice, 'GET', version, path), 404, 'M_NOT_FOUND');
    }
    for (const path of [[], [roomA], [roomA, 'S1']]) {
      assertError(await keys(alice, 'GET', '99', path), 404, 'M_NOT_FOUND');
      assertError(await keys(bob, 'GET', version, path), 404, 'M_NOT_FOUND');
      assertError(await keys(bob, 'DELETE', version, path), 404, 'M_NOT_FOUND');
    }
  });

  it('lose keys that are deleted alone, by room and all together', async () => {
    const [alice] = await server.newUsers('alice');
    const version = await create(alice);
    const sessions = { S1: keyOf(1), S2: keyOf(2), S3: keyOf(3) };
    const before = await stateOf(
      keys(alice, 'PUT', version, [], { rooms: { [roomA]: { sessions }, [roomB]: { sessions } } }),
    );
    assert.deepEqual(await stateOf(keys(alice, 'DELETE', version, [roomA, 'S9'])), before);
    assertError(await keys(alice, 'DELETE', version, [roomA, '\0']), 400, 'M_INVALID_PARAM');
    const one = await stateOf(keys(alice, 'DELETE', version, [roomA, 'S1']));
    assert.equal(one['count'], 5);
    assert.notEqual(one['etag'], before['etag']);
    assertError(await keys(alice, 'GET', version, [roomA, 'S1']), 404, 'M_NOT_FOUND');
    assert.equal((await stateOf(keys(alice, 'DELETE', version, [roomA])))['count'], 3);
    assert.deepEqual((await keys(alice, 'GET', version)).body, { rooms: { [roomB]: { sessions } } });
    assert.equal((await stateOf(keys(alice, 'DELETE', version)))['count'], 0);
    assert.deepEqual((await keys(alice, 'GET', version)).body, { rooms: {} });
  });

  it('keep of two keys the verified, then the earlier, then the less forwarded', async () => {
    const [alice] = await server.newUsers('alice');
    const version = await create(alice);
    // In each pair the second key is the better one.
    for (const [index, [worse, better]] of [
      [keyOf(10, 5, false), keyOf(11, 6, true)],
      [keyOf(10, 5, false), keyOf(9, 6, false)],
      [keyOf(10, 5, true), keyOf(9, 6, true)],
      [keyOf(10, 5, false), keyOf(10, 4, false)],
    ].entries()) {
      const path = [roomA, `S${index}`];
      const rooms = (key: object | undefined) => ({ rooms: { [roomA]: { sessions: { [`S${index}`]: key } } } });
      await stateOf(keys(alice, 'PUT', version, path, worse));
      await stateOf(keys(alice, 'PUT', version, [], rooms(better)));
      const replaced = await stateOf(keys(alice, 'PUT', version, path, worse));
      assert.deepEqual((await keys(alice, 'GET', version, path)).body, better);
      const again = { ...better, session_data: { other: true } };
      assert.deepEqual(
        await stateOf(keys(alice, 'PUT', version, path, again)),
        replaced,
        'an equal key changes nothing',
      );
      assert.deepEqual((await keys(alice, 'GET', version, path)).body, better);
    }
  });

  it('take keys only into the newest, and say which that is', async () => {
    const [alice] = await server.newUsers('alice');
    assertError(await keys(alice, 'PUT', '1', [roomA, 'S'], keyOf(1)), 404, 'M_NOT_FOUND');
    const first = await create(alice);
    await stateOf(keys(alice, 'PUT', first, [roomA, 'S'], keyOf(1)));
    const second = await create(alice);
    for (const version of [first, '99', 'nonsense']) {
      for (const [path, body] of [
        [[], { rooms: {} }],
        [[roomA], { sessions: { S: keyOf(1) } }],
        [[roomA, 'S'], keyOf(0)],
      ] as const) {
        const answer = await keys(alice, 'PUT', version, path, body);
        assertError(answer, 403, 'M_WRONG_ROOM_KEYS_VERSION');
        assert.equal(answer.body['current_version'], second);
      }
    }
    assert.deepEqual((await keys(alice, 'GET', first, [roomA, 'S'])).body, keyOf(1), 'the older one can be read');
    assert.deepEqual((await keys(alice, 'GET', second)).body, { rooms: {} });
    assert.equal((await alice.raw('DELETE', `/room_keys/version/${first}`)).status, 200);
    assertError(await keys(alice, 'GET', first, [roomA, 'S']), 404, 'M_NOT_FOUND');
  });

  it('refuse what is malformed or too large', async () => {
    const [alice] = await server.newUsers('alice');
    const version = await create(alice);
    for (const [body, status] of [
      [{ ...keyOf(1), session_data: 'text' }, 400],
      [{ ...keyOf(1), is_verified: 1 }, 400],
      [{ ...keyOf(1), first_message_index: 'one' }, 400],
      [{ ...keyOf(1), first_message_index: 1.5 }, 400],
      [{ ...keyOf(1), first_message_index: -1 }, 400],
      [{ ...keyOf(1), forwarded_count: 1e300 }, 400],
      [{ ...keyOf(1), forwarded_count: undefined }, 400],
      [{ ...keyOf(1), session_data: { ciphertext: 'x'.repeat(20_000) } }, 413],
    ] as const) {
      assertError(await keys(alice, 'PUT', version, [roomA, 'S'], body), status);
    }
    assertError(await keys(alice, 'PUT', version, ['not a room', 'S'], keyOf(1)), 400, 'M_INVALID_PARAM');
    assertError(await keys(alice, 'PUT', version, [roomA, 'x'.repeat(300)], keyOf(1)), 400, 'M_INVALID_PARAM');
    assertError(await keys(alice, 'PUT', version, [roomA, '\0'], keyOf(1)), 400);
    assertError(await alice.raw('GET', '/room_keys/keys'), 400, 'M_MISSING_PARAM');
    for (const body of [
      { algorithm },
      { auth_data: {} },
      { algorithm: '', auth_data: {} },
      { algorithm, auth_data: [] },
    ]) {
      assertError(await alice.raw('POST', '/room_keys/version', { body }), 400);
    }
    const large = { algorithm, auth_data: { padding: 'x'.repeat(70_000) } };
    assertError(await alice.raw('POST', '/room_keys/version', { body: large }), 413, 'M_TOO_LARGE');
    assert.deepEqual((await keys(alice, 'GET', version)).body, { rooms: {} });
  });

  it('of thousands of keys are read whole, and counted right when devices store at once', async () => {
    const [alice] = await server.newUsers('alice');
    const version = await create(alice);
    const data = { padding: 'x'.repeat(200) };
    const batches = Array.from({ length: 6 }, (_, batch) => {
      const sessions = Array.from({ length: 400 }, (_each, index) => [
        `S${batch}-${index}`,
        keyOf(index, 0, false, data),
      ]);
      return { [`!room${batch % 4}:hs1.test`]: { sessions: Object.fromEntries(sessions) } };
    });
    await Promise.all(
      batches.flatMap((rooms) => [rooms, rooms]).map((rooms) => stateOf(keys(alice, 'PUT', version, [], { rooms }))),
    );
    assert.equal((await describeBackup(alice))['count'], 2_400);
    const read = asObject((await keys(alice, 'GET', version)).body['rooms'], 'rooms');
    const expected: Record<string, { sessions: JsonObject }> = {};
    for (const [roomId, { sessions }] of batches.flatMap((rooms) => Object.entries(rooms))) {
      expected[roomId] = { sessions: { ...expected[roomId]?.sessions, ...sessions } };
    }
    assert.deepEqual(read, expected);
    const one = (await keys(alice, 'GET', version, ['!room0:hs1.test'])).body;
    assert.deepEqual(one, expected['!room0:hs1.test']);
  });
});
