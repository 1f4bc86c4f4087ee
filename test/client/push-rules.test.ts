/** Owns the tests of push rules. Specification: Client-Server API, "Push Rules: API". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, type MatrixHttp, type Query } from '#test/support/matrix-http.ts';
import { asArray, asObject, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

const pathOf = (kind: string, ruleId: string): string => `/pushrules/global/${kind}/${encode(ruleId)}`;
const put = (user: MatrixHttp, kind: string, ruleId: string, body: JsonObject, query: Query = {}) =>
  user.raw('PUT', pathOf(kind, ruleId), { body, query });

async function idsOf(user: MatrixHttp, kind: string): Promise<string[]> {
  const { body } = await user.raw('GET', '/pushrules/global/');
  return asArray(body[kind], kind).map((rule) => text(asObject(rule, 'rule'), 'rule_id'));
}

describe('push rules', () => {
  const server = useSuiteServer();
  const notify = { actions: ['notify'] };

  it('are there from the start, and told by the first sync', async () => {
    const [alice] = await server.newUsers('alice');
    const all = asObject((await alice.raw('GET', '/pushrules/')).body['global'], 'global');
    const accountData = asArray(asObject((await alice.sync()).raw['account_data'], 'account_data')['events'], 'events');
    const told = accountData.map((each) => asObject(each, 'event')).find((each) => each['type'] === 'm.push_rules');
    assert.deepEqual(asObject(told?.['content'], 'content')['global'], all);
    assert.equal((await idsOf(alice, 'override'))[0], '.m.rule.master');
  });

  it('are added before others of the user and before those of the server, and told by the next sync', async () => {
    const [alice] = await server.newUsers('alice');
    const since = (await alice.sync()).nextBatch;
    assert.equal((await put(alice, 'content', 'tea', { ...notify, pattern: 'tea' })).status, 200);
    assert.equal((await put(alice, 'content', 'time', { ...notify, pattern: 'time' })).status, 200);
    assert.deepEqual(await idsOf(alice, 'content'), ['time', 'tea']);
    await put(alice, 'override', 'mine', { ...notify, conditions: [] });
    const overrides = await idsOf(alice, 'override');
    assert.deepEqual(overrides.slice(0, 3), ['.m.rule.master', 'mine', '.m.rule.suppress_notices']);
    const events = asArray(
      asObject((await alice.sync({ since })).raw['account_data'], 'account_data')['events'],
      'events',
    );
    assert.equal(events.length, 1);
    assert.ok(JSON.stringify(events[0]).includes('"tea"'));
    const one = await alice.raw('GET', pathOf('content', 'tea'));
    assert.deepEqual(one.body, { rule_id: 'tea', default: false, enabled: true, pattern: 'tea', actions: ['notify'] });
  });

  it('are placed next to others', async () => {
    const [alice] = await server.newUsers('alice');
    for (const name of ['c', 'b', 'a']) await put(alice, 'room', `!${name}:x`, notify);
    await put(alice, 'room', '!new:x', notify, { after: '!a:x' });
    assert.deepEqual(await idsOf(alice, 'room'), ['!a:x', '!new:x', '!b:x', '!c:x']);
    await put(alice, 'room', '!c:x', notify, { before: '!b:x' });
    assert.deepEqual(await idsOf(alice, 'room'), ['!a:x', '!new:x', '!c:x', '!b:x']);
    await put(alice, 'room', '!a:x', { actions: [] });
    assert.deepEqual(await idsOf(alice, 'room'), ['!a:x', '!new:x', '!c:x', '!b:x']);
    assertError(await put(alice, 'room', '!d:x', notify, { before: '!nobody:x' }), 404, 'M_NOT_FOUND');
    assertError(await put(alice, 'override', 'd', notify, { after: '.m.rule.master' }), 400, 'M_INVALID_PARAM');
  });

  it('are removed, but not those of the server', async () => {
    const [alice] = await server.newUsers('alice');
    await put(alice, 'sender', '@spam:x', { actions: [] });
    assert.equal((await alice.raw('DELETE', pathOf('sender', '@spam:x'))).status, 200);
    assert.deepEqual(await idsOf(alice, 'sender'), []);
    assertError(await alice.raw('DELETE', pathOf('sender', '@spam:x')), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('GET', pathOf('nothing', 'x')), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('DELETE', pathOf('override', '.m.rule.master')), 400, 'M_INVALID_PARAM');
  });

  it('are switched off and given other actions, those of the server too', async () => {
    const [alice] = await server.newUsers('alice');
    const master = pathOf('override', '.m.rule.master');
    assert.deepEqual((await alice.raw('GET', `${master}/enabled`)).body, { enabled: false });
    await alice.raw('PUT', `${master}/enabled`, { body: { enabled: true } });
    assert.deepEqual((await alice.raw('GET', `${master}/enabled`)).body, { enabled: true });
    assert.equal((await alice.raw('GET', master)).body['enabled'], true);
    const message = pathOf('underride', '.m.rule.message');
    const actions = ['notify', { set_tweak: 'sound', value: 'default' }];
    await alice.raw('PUT', `${message}/actions`, { body: { actions } });
    assert.deepEqual((await alice.raw('GET', `${message}/actions`)).body, { actions });
    assertError(await alice.raw('GET', `${pathOf('content', '.m.rule.message')}/actions`), 404, 'M_NOT_FOUND');
    assertError(await alice.raw('PUT', `${pathOf('room', '!no:x')}/enabled`, { body: { enabled: true } }), 404);
  });

  it('are refused when they are none', async () => {
    const [alice] = await server.newUsers('alice');
    assertError(await put(alice, 'override', '.mine', notify), 400, 'M_INVALID_PARAM');
    assertError(await put(alice, 'override', 'a/b', notify), 400, 'M_INVALID_PARAM');
    assertError(await put(alice, 'content', 'x', notify), 400, 'M_MISSING_PARAM');
    assertError(await put(alice, 'nothing', 'x', notify), 400, 'M_INVALID_PARAM');
    assertError(await put(alice, 'override', 'x', { actions: ['explode'] }), 400);
    assertError(await put(alice, 'override', 'x', { ...notify, conditions: [{}] }), 400);
    assertError(await put(alice, 'override', 'x', {}), 400);
    const path = `/user/${encode(alice.userId)}/account_data/m.push_rules`;
    assertError(await alice.raw('PUT', path, { body: { global: {} } }), 405);
  });

  it('survive changes at the same time', async () => {
    const [alice] = await server.newUsers('alice');
    const names = Array.from({ length: 12 }, (_, i) => `@user${i}:x`);
    await Promise.all(names.map((name) => put(alice, 'sender', name, notify)));
    assert.deepEqual((await idsOf(alice, 'sender')).toSorted(), names.toSorted());
  });
});
