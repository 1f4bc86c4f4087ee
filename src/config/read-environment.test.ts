/** Proves which variables are ours, which are left to others, and what an unknown one is answered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEnvironment } from '#config/read-environment.ts';

test('variables of other programs, of the test suite and of Kubernetes are left alone', () => {
  const { byPath, problems } = readEnvironment({
    PATH: '/bin',
    causeway_listen: 'x',
    CAUSEWAY_TEST_DATABASE: 'x',
    CAUSEWAY_BENCH_URL: 'x',
    CAUSEWAY_SERVICE_HOST: '10.0.0.1',
    CAUSEWAY_SERVICE_PORT_HTTP: '8008',
    CAUSEWAY_PORT: 'tcp://10.0.0.1:8008',
    CAUSEWAY_PORT_8008_TCP_ADDR: '10.0.0.1',
  });
  assert.equal(byPath.size, 0);
  assert.deepEqual(problems, []);
});

test('any other unknown variable is a problem that names it', () => {
  const { problems } = readEnvironment({ CAUSEWAY_PORT: '8008', CAUSEWAY_SERVERNAME: 'x', CAUSEWAY_: '' });
  assert.deepEqual(
    problems.map(({ where }) => where),
    ['CAUSEWAY_PORT', 'CAUSEWAY_SERVERNAME', 'CAUSEWAY_'],
  );
  assert.match(problems[1]?.message ?? '', /Did you mean CAUSEWAY_SERVER_NAME\?/);
  assert.match(problems[2]?.message ?? '', /docs\/config\.md lists/);
});

test('both forms of one secret are a problem', () => {
  const { problems } = readEnvironment({ CAUSEWAY_REDIS_URL: 'redis://h', CAUSEWAY_REDIS_URL_FILE: 'f' });
  assert.match(problems[0]?.message ?? '', /CAUSEWAY_REDIS_URL_FILE and CAUSEWAY_REDIS_URL .* set the same thing/);
});
