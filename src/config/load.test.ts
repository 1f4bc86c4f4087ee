/** Proves what the configuration is made of, what wins, and that every mistake is told at once with its place. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ConfigError } from '#config/config-error.ts';
import { loadConfig } from '#config/load.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'causeway-config-'));
after(() => rmSync(directory, { recursive: true }));

type Environment = Record<string, string | undefined>;

function load(yaml: string | undefined, env: Environment = {}) {
  if (yaml === undefined) return loadConfig({ env, cwd: directory });
  writeFileSync(path.join(directory, 'c.yaml'), yaml);
  return loadConfig({ file: 'c.yaml', env, cwd: directory });
}

/** The problems as `where|key|message`, with the directory taken out. */
function problemsOf(yaml: string | undefined, env: Environment = {}): string[] {
  try {
    load(yaml, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ where, key, message }) =>
      `${where}|${key}|${message}`.replaceAll(directory + path.sep, ''),
    );
  }
  return assert.fail('The configuration was accepted.');
}

test('without anything the defaults hold, and the directory is a trial', () => {
  const config = load(undefined);
  assert.deepEqual(config, {
    serverName: 'localhost',
    trial: true,
    dataDir: path.join(directory, 'data'),
    listen: { host: '127.0.0.1', port: 8008 },
    tls: { listen: undefined, certificate: undefined, key: undefined },
    publicUrl: undefined,
    trustedProxies: [],
    log: { level: 'info' },
    database: { url: undefined, poolSize: 10, poolWaitersMax: 10_000, queryMsMax: 15_000 },
    redis: { url: undefined },
    registration: { mode: 'token', guests: false, token: undefined },
    passwords: { lengthMin: 8 },
    sessions: { accessTokenLifetimeMs: 3_600_000 },
    admin: { sharedSecret: undefined },
    federation: {
      caFile: undefined,
      verifyCertificates: true,
      timeoutMs: 30_000,
      answerBytesMax: 16_777_216,
      joinBytesMax: 134_217_728,
      membersWaitMs: 30_000,
      bodyBytesMax: 13_107_200,
      connectionsPerServerMax: 4,
      sendsMax: 100,
      sendTimeoutMs: 60_000,
      transactionBytesMax: 524_288,
      catchUpEventsMax: 1_000,
      retryMsMax: 3_600_000,
      requestsMax: 2_000,
      requestsPerServerMax: 100,
      keyNotaries: [],
      inboundEventsMax: 10_000,
      inboundBytesMax: 67_108_864,
      inboundTransactionsMax: 4,
      gapsAtOnceMax: 10,
    },
    network: { allowRanges: [], dnsServers: [] },
    userDirectory: { searchAllUsers: false },
    turn: { uris: [], sharedSecret: undefined, lifetimeS: 86_400 },
    rooms: { defaultVersion: '12', purgeForgotten: false },
    retention: { redactedContentDays: 7 },
    presence: { enabled: true },
    limits: {
      bodyBytesMax: 1_048_576,
      syncTimeoutMsMax: 180_000,
      bodyBytesInFlightMax: 134_217_728,
      waitingSyncsMax: 20_000,
    },
    rateLimits: {
      enabled: true,
      wrongPasswords: { perSecond: 0.2, burst: 20 },
      claimedKeys: { perSecond: 0.1, burst: 50 },
      serverRequestsMax: 100,
      classes: {
        default: { perSecond: 50, burst: 200 },
        login: { perSecond: 0.5, burst: 10 },
        register: { perSecond: 0.2, burst: 10 },
        send: { perSecond: 10, burst: 100 },
        join: { perSecond: 2, burst: 50 },
        create_room: { perSecond: 0.5, burst: 20 },
        sync: { perSecond: 20, burst: 100 },
        federation: { perSecond: 100, burst: 2000 },
      },
    },
    storage: {
      batchRoomsMax: 64,
      batchEventsMax: 200,
      batchBytesMax: 2_000_000,
      queueRoomsMax: 5_000,
      queueEventsMax: 10_000,
      queueBytesMax: 67_108_864,
      queueMsMax: 15_000,
      streamQueueMax: 10_000,
    },
    metrics: { listen: { host: '127.0.0.1', port: 9008 } },
  });
});

test('a configured name makes the directory a real one, even when the name is localhost', () => {
  assert.equal(load('server_name: localhost').trial, false);
  assert.equal(load(undefined, { CAUSEWAY_SERVER_NAME: 'example.org' }).serverName, 'example.org');
});

test('the fixed variables are all read', () => {
  const config = load(undefined, {
    CAUSEWAY_SERVER_NAME: 'hs1',
    CAUSEWAY_DATA_DIR: '/srv/causeway',
    CAUSEWAY_LISTEN: '[::1]:0',
    CAUSEWAY_PUBLIC_URL: 'https://matrix.example.org/',
    CAUSEWAY_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    CAUSEWAY_DATABASE_URL: 'postgresql:///causeway?host=/run/postgresql',
    CAUSEWAY_REDIS_URL: 'rediss://cache:6379/1',
    CAUSEWAY_REGISTRATION_MODE: 'open',
    CAUSEWAY_RATE_LIMITS_ENABLED: 'false',
    CAUSEWAY_ADMIN_SHARED_SECRET: 'complement',
    CAUSEWAY_ROOMS_DEFAULT_VERSION: '10',
    CAUSEWAY_METRICS_LISTEN: '',
    CAUSEWAY_RATE_LIMITS_CLASSES_CREATE_ROOM_PER_SECOND: '0.25',
  });
  assert.equal(config.serverName, 'hs1');
  assert.equal(config.dataDir, path.resolve('/srv/causeway'));
  assert.deepEqual(config.listen, { host: '::1', port: 0 });
  assert.equal(config.publicUrl, 'https://matrix.example.org');
  assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', '::1']);
  assert.equal(config.database.url, 'postgresql:///causeway?host=/run/postgresql');
  assert.equal(config.redis.url, 'rediss://cache:6379/1');
  assert.equal(config.registration.mode, 'open');
  assert.equal(config.rateLimits.enabled, false);
  assert.equal(config.admin.sharedSecret, 'complement');
  assert.equal(config.rooms.defaultVersion, '10');
  assert.equal(config.metrics.listen, undefined);
  assert.equal(config.rateLimits.classes.create_room.perSecond, 0.25);
});

test('the environment wins over the file, key by key', () => {
  const yaml = 'log:\n  level: debug\nregistration:\n  mode: open\n  token: from-file\n';
  const config = load(yaml, { CAUSEWAY_LOG_LEVEL: 'warn' });
  assert.equal(config.log.level, 'warn');
  assert.equal(config.registration.token, 'from-file');
});

test('what the environment overrides is checked all the same', () => {
  const problems = problemsOf('log:\n  level: loud\n', { CAUSEWAY_LOG_LEVEL: 'warn' });
  assert.equal(problems.length, 1);
  assert.match(
    problems[0] ?? '',
    /^c\.yaml:2\|log\.level\|log\.level: "loud" is not allowed\. Allowed: one of `fatal`/,
  );
});

test('an empty variable counts as not set, unless the key allows an empty value', () => {
  const yaml = 'server_name: example.org\ntrusted_proxies: [10.0.0.1]\n';
  const empty = { CAUSEWAY_SERVER_NAME: '', CAUSEWAY_DATABASE_URL_FILE: '', CAUSEWAY_TRUSTED_PROXIES: '' };
  const config = load(yaml, { ...empty, CAUSEWAY_LISTEN: undefined });
  assert.equal(config.serverName, 'example.org');
  assert.deepEqual(config.trustedProxies, []);
});

test('all problems of both sources are told together', () => {
  const yaml = 'listen: 8008\nsever_name: x\nrooms:\n  default_version: 13\n';
  const env = { CAUSEWAY_RATE_LIMITS_ENABLED: 'maybe', CAUSEWAY_LISTN: ':1' };
  const problems = problemsOf(yaml, env);
  assert.deepEqual(
    problems.map((problem) => problem.split('|', 2).join('|')),
    [
      'c.yaml:2|sever_name',
      'CAUSEWAY_LISTN|CAUSEWAY_LISTN',
      'c.yaml:1|listen',
      'c.yaml:4|rooms.default_version',
      'CAUSEWAY_RATE_LIMITS_ENABLED|rate_limits.enabled',
    ],
  );
  assert.match(problems[0] ?? '', /Did you mean server_name\? Allowed at the top: server_name, data_dir/);
  assert.match(problems[1] ?? '', /Did you mean CAUSEWAY_LISTEN\?/);
  assert.match(problems[3] ?? '', /"13" is not allowed\. Allowed: one of `1`, .*`12`/);
  assert.throws(
    () => load(yaml, env),
    (error: Error) =>
      error.message.split('\n').length === 5 && error.message.includes(`c.yaml:4: rooms.default_version:`),
  );
});

test('a secret may stand in a file, and only one form of it counts', () => {
  writeFileSync(path.join(directory, 'secret'), 'hidden-token\n');
  assert.equal(load('registration:\n  token_file: secret\n').registration.token, 'hidden-token');
  const env = { CAUSEWAY_REGISTRATION_TOKEN_FILE: 'secret' };
  assert.equal(load('registration:\n  token: other\n', env).registration.token, 'hidden-token');

  const both = problemsOf('registration:\n  token: a\n  token_file: secret\n');
  assert.match(
    both[0] ?? '',
    /^c\.yaml:3\|registration\.token\|.*token_file and .*\.token \(.*:2\) set the same thing/,
  );
  const missing = problemsOf(undefined, { CAUSEWAY_REGISTRATION_TOKEN_FILE: 'nowhere' });
  assert.match(missing[0] ?? '', /^CAUSEWAY_REGISTRATION_TOKEN_FILE\|.*nowhere cannot be read: ENOENT/);
  assert.match(
    problemsOf(undefined, { CAUSEWAY_LISTEN_FILE: 'secret' })[0] ?? '',
    /not a variable that Causeway knows/,
  );
});

test('a wrong secret is never repeated, wherever it came from', () => {
  writeFileSync(path.join(directory, 'secret'), 'very secret words');
  for (const [yaml, env] of [
    ['registration:\n  token: very secret words\n', {}],
    ['registration:\n  token_file: secret\n', {}],
    [undefined, { CAUSEWAY_REGISTRATION_TOKEN: 'very secret words' }],
    [undefined, { CAUSEWAY_DATABASE_URL: 'mysql://user:very secret words@host' }],
  ] as const) {
    const [problem = ''] = problemsOf(yaml, env);
    assert.match(problem, /the value given is not allowed/);
    assert.doesNotMatch(problem, /very secret/);
  }
});

test('a listener with TLS needs both of its files, and every missing key is named', () => {
  assert.deepEqual(problemsOf('tls:\n  listen: 127.0.0.1:8448\n  key: key.pem\n'), [
    'tls.certificate|tls.certificate|tls.listen needs tls.certificate (CAUSEWAY_TLS_CERTIFICATE), which is not set.',
  ]);
  assert.equal(problemsOf(undefined, { CAUSEWAY_TLS_KEY: 'key.pem' }).length, 2);
  const { tls } = load('tls: {listen: "127.0.0.1:8448", certificate: cert.pem, key: key.pem}\n');
  assert.deepEqual(tls, { listen: { host: '127.0.0.1', port: 8448 }, certificate: 'cert.pem', key: 'key.pem' });
});

test('bodies must fit, each by itself, into what all of them may have together', () => {
  const [problem = ''] = problemsOf('limits: {body_bytes_max: 2000000, body_bytes_in_flight_max: 1500000}\n');
  assert.match(problem, /^limits\.body_bytes_in_flight_max\|.* the largest bodies would never fit\.$/);
});

test('the configuration is frozen to its leaves', () => {
  const config = load('trusted_proxies: [10.0.0.1]\n');
  for (const part of [config, config.trustedProxies, config.listen, config.rateLimits.classes.send]) {
    assert.ok(Object.isFrozen(part));
  }
});
