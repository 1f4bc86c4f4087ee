/** Owns the tests of what a server tells other servers about itself. Specification: Server-Server API, "Publishing Keys". */
import assert from 'node:assert/strict';
import path from 'node:path';
import { writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { Client } from 'pg';
import { canonicalJson } from '#matrix/canonical-json.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { exportSeed, generateSigningKey, importVerifyKey } from '#matrix/signing-keys.ts';
import { checkJsonSignature } from '#matrix/signing.ts';
import { issueCertificate, makeAuthority } from '#test/support/certificate.ts';
import { request } from '#test/support/matrix-http.ts';
import { asObject, text as textOf } from '#test/support/matrix-shapes.ts';
import { findFreePort, startServerProcess, testServerName } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

const keysPath = '/_matrix/key/v2/server';

/** Parses the document and checks its signature by the key that it publishes itself. */
function verifiedKeys(body: string): JsonObject {
  const document: JsonObject = JSON.parse(body);
  assert.equal(document['server_name'], testServerName);
  const published = Object.entries(asObject(document['verify_keys'], 'verify_keys'));
  assert.equal(published.length, 1);
  const keys = new Map(
    published.map(([keyId, value]) => {
      const key = importVerifyKey(textOf(asObject(value, keyId), 'key'));
      assert.ok(key !== undefined);
      return [keyId, key];
    }),
  );
  assert.deepEqual(checkJsonSignature(document, testServerName, keys), { ok: true });
  // Those who do not sort what they were given find it sorted.
  const { signatures: _signatures, ...signed } = document;
  assert.equal(JSON.stringify(signed), canonicalJson(signed));
  const tampered = { ...document, valid_until_ts: Number(document['valid_until_ts']) + 1 };
  assert.deepEqual(checkJsonSignature(tampered, testServerName, keys), { ok: false, reason: 'invalid' });
  return document;
}

test('the signing key is published with a signature, stays the same after a restart, and is followed by old keys', async () => {
  await using database = await createTestDatabase();
  const first = await (async () => {
    await using server = await startServerProcess({ databaseUrl: database.url });
    const answer = await request(server.baseUrl, 'GET', keysPath);
    assert.equal(answer.status, 200);
    return verifiedKeys(answer.bodyText);
  })();
  assert.deepEqual(first['old_verify_keys'], {});
  const validMs = Number(first['valid_until_ts']) - Date.now();
  // Others are told to believe no answer for longer than a week.
  assert.ok(validMs > 3_600_000 && validMs <= 7 * 24 * 3_600_000, String(validMs));

  const old = generateSigningKey('before');
  const client = new Client(database.connection);
  await client.connect();
  await client.query(
    'insert into signing_keys (server_name, key_id, seed, created_at, expired_ts) values ($1, $2, $3, 1, 1500000000000)',
    [testServerName, old.keyId, Buffer.from(exportSeed(old), 'base64')],
  );
  await client.end();
  await using server = await startServerProcess({ databaseUrl: database.url });
  const second = verifiedKeys((await request(server.baseUrl, 'GET', keysPath)).bodyText);
  assert.deepEqual(second['verify_keys'], first['verify_keys']);
  assert.deepEqual(second['old_verify_keys'], {
    'ed25519:before': { key: old.publicKey, expired_ts: 1_500_000_000_000 },
  });
});

test('with a certificate, keys, version and the client API are served by TLS as well', async () => {
  using directory = makeTemporaryDirectory();
  const authority = makeAuthority('Test authority');
  const { certificate, key } = issueCertificate(testServerName, authority);
  const files = { certificate: path.join(directory.path, 'cert.pem'), key: path.join(directory.path, 'key.pem') };
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, key);
  await using database = await createTestDatabase();
  const port = await findFreePort();
  await using server = await startServerProcess({
    databaseUrl: database.url,
    env: {
      CAUSEWAY_TLS_LISTEN: `127.0.0.1:${port}`,
      CAUSEWAY_TLS_CERTIFICATE: files.certificate,
      CAUSEWAY_TLS_KEY: files.key,
    },
  });
  const ask = (where: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: where, servername: testServerName, ca: authority.certificate };
      get({ ...options, agent: false }, (response) => resolve(text(response))).on('error', reject);
    });
  verifiedKeys(await ask(keysPath));
  assert.match(
    await ask('/_matrix/federation/v1/version'),
    /^{"server":{"name":"Causeway","version":"\d+\.\d+\.\d+"}}$/,
  );
  assert.equal(
    await ask('/_matrix/client/versions'),
    (await request(server.baseUrl, 'GET', '/_matrix/client/versions')).bodyText,
  );
});
