/** Proves that the table of keys agrees with itself, and which values its kinds take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flatKeys } from '#config/flat-keys.ts';
import { isOwnServerName } from '#config/server-name.ts';
import type { Config } from '#config/schema.ts';

function parse(path: string, raw: string | readonly string[]): unknown {
  const found = flatKeys.find((flatKey) => flatKey.path === path);
  assert.ok(found, path);
  return found.key.type.parse(raw)?.value;
}

function assertTakes(path: string, taken: readonly string[], refused: readonly string[]): void {
  for (const raw of taken) assert.notEqual(parse(path, raw), undefined, `${path} refuses ${raw}`);
  for (const raw of refused) assert.equal(parse(path, raw), undefined, `${path} takes ${raw}`);
}

test('every default and every example is allowed, and prose is made of sentences', () => {
  for (const { path, key } of flatKeys) {
    if (key.default !== undefined) assert.ok(key.type.parse(key.default), path);
    assert.ok(key.type.parse(key.example), path);
    assert.match(key.prose, /^\S.*\.$/, path);
  }
});

test('no two keys share a variable, the file forms of secrets included', () => {
  const variables = flatKeys.flatMap(({ variable, key }) => (key.secret ? [variable, `${variable}_FILE`] : [variable]));
  assert.equal(new Set(variables).size, variables.length);
});

test('the types of Config are those of the table', () => {
  type Expect<Actual, Expected> = [Actual, Expected] extends [Expected, Actual] ? true : false;
  const proofs: [
    Expect<Config['serverName'], string>,
    Expect<Config['trial'], boolean>,
    Expect<Config['redis'], { readonly url: string | undefined }>,
    Expect<Config['registration']['mode'], 'token' | 'open' | 'closed'>,
    Expect<keyof Config['rateLimits']['classes'] & `${string}_${string}`, 'create_room'>,
    Expect<Config['metrics']['listen'], { readonly host: string; readonly port: number } | undefined>,
  ] = [true, true, true, true, true, true];
  assert.equal(proofs.length, 6);
});

test('server names are those of the specification', () => {
  const label = 'a'.repeat(63);
  for (const name of [
    'matrix.org',
    'matrix.org:8888',
    '1.2.3.4',
    '1.2.3.4:1234',
    '[1234:5678::abcd]',
    '[1234:5678::abcd]:5678',
    '[::ffff:1.2.3.4]',
    'hs1',
    'xn--bcher-kva.example',
    'MATRIX.org',
    `${label}.${label}.${label}.${'a'.repeat(38)}`,
  ]) {
    assert.ok(isOwnServerName(name), name);
  }
  for (const name of [
    '',
    'matrix.org:',
    'matrix.org:0',
    'matrix.org:65536',
    'matrix.org:123456',
    'https://matrix.org',
    'matrix.org/',
    'ma_trix.org',
    'bücher.example',
    '-a.org',
    'a-.org',
    'a..org',
    '.org',
    'matrix.org.',
    '256.1.1.1',
    '1.2.3.4:x',
    '::1',
    '[::1',
    '[::1]x',
    '[1::2::3]',
    '[12345::]',
    '[fe80::1%eth0]',
    `${label}a.org`,
    `${label}.${label}.${label}.${'a'.repeat(39)}`,
    ' matrix.org',
    'matrix.org\n',
  ]) {
    assert.ok(!isOwnServerName(name), name);
  }
});

test('addresses have a host and a port', () => {
  const refused = [
    '8008',
    ':8008',
    'localhost',
    '::1:8008',
    '[::1]',
    '[1.2.3.4]:1',
    '1.2.3:80',
    'a:65536',
    'a:-1',
    'a b:1',
    '',
  ];
  assertTakes('listen', ['127.0.0.1:0', '[::]:8008', 'localhost:65535'], refused);
  assert.deepEqual(parse('listen', '[::1]:80'), { host: '::1', port: 80 });
});

test('ranges of proxies are addresses with a possible prefix', () => {
  const taken = ['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '0.0.0.0/0', '10.0.0.1,::1', ''];
  assertTakes('trusted_proxies', taken, [
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10/8',
    'proxy',
    '1.1.1.1/8/8',
    'fe80::1%a',
    ',',
  ]);
  assert.deepEqual(parse('trusted_proxies', ['10.0.0.1', '::1']), ['10.0.0.1', '::1']);
  assert.equal(parse('trusted_proxies', ['10.0.0.1', 'x']), undefined);
});

test('URLs are of their kind', () => {
  const noBase = [
    'matrix.example.org',
    'ftp://a',
    'https://',
    'https://u@a',
    'https://a?b',
    'https://a#',
    'https:a',
    'https://a b',
  ];
  assertTakes('public_url', ['http://localhost:8008', 'https://a/matrix/'], noBase);
  assert.equal(parse('public_url', 'HTTPS://Example.org/matrix//'), 'https://example.org/matrix');
  const postgres = ['postgres://u:p@h:5432/d', 'postgresql://h/d?sslmode=require', 'postgresql://u@/d?host=/run/pg'];
  assertTakes('database.url', postgres, [
    'mysql://h/d',
    'h/d',
    'postgres://',
    'postgres://h:port/d',
    'postgres://a b/',
  ]);
  assertTakes('redis.url', ['redis://h', 'rediss://u:p@h:1/2'], ['http://h', 'redis://', 'redis:///1']);
});

test('numbers are decimal and within their limits', () => {
  assertTakes(
    'limits.body_bytes_max',
    ['65536', '1048576'],
    ['65535', '1e6', '0x100000', '1_048_576', '-1', '1048576.5', '', ' 70000'],
  );
  assertTakes(
    'rate_limits.classes.send.per_second',
    ['0.2', '5', '100000'],
    ['0', '0.0', '.5', '-1', 'Infinity', '100001', ''],
  );
});

test('flags, choices and secrets take what is listed, and lists nowhere else', () => {
  assertTakes('rate_limits.enabled', ['true', 'false', '1', '0'], ['yes', 'TRUE', '']);
  assertTakes('registration.mode', ['token', 'open', 'closed'], ['Open', '']);
  assertTakes('registration.token', ['a.b_c~d-9', 'x'.repeat(64)], ['', 'a b', 'é', 'x'.repeat(65)]);
  assertTakes('admin.shared_secret', ['pass word'], ['', 'a\nb', 'x'.repeat(1001)]);
  assert.equal(parse('listen', ['a:1']), undefined);
});
