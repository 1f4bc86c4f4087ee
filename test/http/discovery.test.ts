/** Proves the endpoints by which clients and servers find out what this server is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getVersions } from '#api/client/versions.ts';
import { getWellknown, getWellKnownServer, getWellknownSupport } from '#api/well-known/discovery.ts';
import { findDelegatedName } from '#api/well-known/discovery.ts';
import { buildVersions } from '#matrix/unstable-features.ts';
import { errcodeOf, startHttp, unlimited } from '#test/http/test-http.ts';

const config = { publicUrl: 'https://matrix.example.org', trial: false };
const context = { config };
const seams = { rateLimits: { ...unlimited, enabled: false } };

const endpoints = [getVersions, getWellknown, getWellKnownServer, getWellknownSupport];

test('versions need no token', async () => {
  await using server = await startHttp(endpoints, context, { seams });
  const versions = await fetch(`${server.url}/_matrix/client/versions`);
  assert.equal(versions.status, 200);
  assert.deepEqual(await versions.json(), buildVersions());
});

test('an unstable feature with a row is named by /versions', () => {
  const feature = { name: 'org.example.msc1', proposal: 'MSC1', untilWhen: 'always' };
  assert.deepEqual(buildVersions([feature]).unstable_features, { 'org.example.msc1': true });
});

test('well-known files say what is configured', async () => {
  await using server = await startHttp(endpoints, context, { seams });
  const ask = async (file: string): Promise<unknown> =>
    (await fetch(`${server.url}/.well-known/matrix/${file}`)).json();
  assert.deepEqual(await ask('client'), { 'm.homeserver': { base_url: 'https://matrix.example.org' } });
  assert.deepEqual(await ask('server'), { 'm.server': 'matrix.example.org:443' });
  const support = await fetch(`${server.url}/.well-known/matrix/support`);
  assert.deepEqual([support.status, await errcodeOf(support)], [404, 'M_NOT_FOUND']);
});

test('well-known files say nothing where nothing is configured', async () => {
  const trial = { ...context, config: { ...config, trial: true, publicUrl: undefined } };
  await using server = await startHttp(endpoints, trial, { seams });
  for (const file of ['client', 'server', 'support']) {
    const response = await fetch(`${server.url}/.well-known/matrix/${file}`);
    assert.deepEqual([response.status, await errcodeOf(response)], [404, 'M_NOT_FOUND']);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
  }
});

test('support contacts take their wire names', async () => {
  const contacts = [{ matrixId: '@admin:example.org', role: 'm.role.admin' }];
  const supported = { ...context, config: { ...config, support: { contacts } } };
  await using server = await startHttp(endpoints, supported, { seams });
  const response = await fetch(`${server.url}/.well-known/matrix/support`);
  assert.deepEqual(await response.json(), { contacts: [{ matrix_id: '@admin:example.org', role: 'm.role.admin' }] });
});

test('only a public URL that is https and a whole host delegates', () => {
  assert.equal(findDelegatedName('https://a.example:8448'), 'a.example:8448');
  assert.equal(findDelegatedName('https://[::1]/'), '[::1]:443');
  assert.equal(findDelegatedName('http://a.example'), undefined);
  assert.equal(findDelegatedName('https://a.example/matrix'), undefined);
  assert.equal(findDelegatedName(undefined), undefined);
});
