/** Proves that a YAML file of any content gives settings or problems with lines, and never an exception. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { readYamlFile } from '#config/read-yaml.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'causeway-yaml-'));
after(() => rmSync(directory, { recursive: true }));

function read(yaml: string) {
  const file = path.join(directory, 'c.yaml');
  writeFileSync(file, yaml);
  const { byPath, problems } = readYamlFile(file);
  return {
    values: Object.fromEntries([...byPath].map(([key, { raw }]) => [key, raw])),
    problems: problems.map(({ where, key, message }) => `${path.basename(where)} ${key} ${message}`),
  };
}

test('scalars keep their own characters', () => {
  const { values, problems } = read(
    ['admin:', '  shared_secret: 0123', 'listen: "[::1]:8008"', 'rate_limits: { enabled: true }'].join('\n'),
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(values, { 'admin.shared_secret': '0123', listen: '[::1]:8008', 'rate_limits.enabled': 'true' });
});

test('an empty file, a file of comments and a group without keys set nothing', () => {
  for (const yaml of ['', '# nothing\n', 'database:\n  # url: x\n', '---\n...\n', '\uFEFF# mark\n']) {
    assert.deepEqual(read(yaml), { values: {}, problems: [] });
  }
});

for (const [what, yaml, problem] of [
  [
    'an unknown key',
    'log:\n  levle: info',
    /^c\.yaml:2 log\.levle .*Did you mean log\.level\? Allowed in log: level\.$/,
  ],
  ['a key in camel case', 'serverName: x', /Did you mean server_name\?/],
  [
    'a key far from any other',
    'qwertyuiop: 1',
    /^c\.yaml:1 qwertyuiop qwertyuiop is not a known key\. Allowed at the top/,
  ],
  ['a misspelt secret file', 'database:\n  ulr_file: x', /Did you mean database\.url_file\?/],
  ['a file form of what is no secret', 'listen_file: x', /^c\.yaml:1 listen_file listen_file is not a known key/],
  ['a name that every object has', 'constructor: x\n', /^c\.yaml:1 constructor constructor is not a known key/],
  ['a value for a group', 'listen: x:1\nlog: info', /^c\.yaml:2 log log has keys inside it\. Allowed: the keys level/],
  ['a list at the top', '- listen', /^c\.yaml:1 the file The file has keys inside it/],
  [
    'a group for a value',
    'listen:\n  host: x',
    /^c\.yaml:1 listen listen has a value of the wrong shape\. Allowed: `host:port`/,
  ],
  ['a key without value', 'log:\n  level:\n', /^c\.yaml:2 log\.level log\.level has no value\. Allowed: one of/],
  ['a list of lists', 'trusted_proxies: [[a]]', /wrong shape/],
  ['the same key twice', 'listen: a:1\nlisten: a:2', /^c\.yaml:2 YAML Map keys must be unique\.$/],
  ['an alias', 'server_name: &x a\ndata_dir: *x', /^c\.yaml:2 data_dir data_dir has a value of the wrong shape/],
  ['a merge', 'log: &x {level: info}\n<<: *x', /^c\.yaml:2 << << is not a known key/],
  ['a tag', 'server_name: !own x', /^c\.yaml:1 YAML Unresolved tag/],
  ['two documents', 'listen: a:1\n---\nlisten: a:2', /^c\.yaml:2 YAML /],
  ['broken syntax', 'listen: "a', /^c\.yaml:1 YAML Missing closing "quote/],
  ['a key that is a list', '? [a]\n: b', /Every key is a plain word/],
] as const) {
  test(`${what} is told with its line`, () => {
    const { problems } = read(yaml);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', problem);
  });
}

test('a file that is absent, a directory or too large is one problem', () => {
  assert.match(readYamlFile(path.join(directory, 'none')).problems[0]?.message ?? '', /cannot be read: ENOENT/);
  assert.match(readYamlFile(directory).problems[0]?.message ?? '', /cannot be read: EISDIR/);
  assert.match(read(`# ${'x'.repeat(70_000)}`).problems[0] ?? '', /has 70002 bytes; a configuration has at most 65536/);
});

test('nesting as deep as a file can hold does no harm', () => {
  for (const yaml of [
    '['.repeat(65_000),
    `listen: ${'{a: '.repeat(16_000)}`,
    '- '.repeat(32_000),
    '? '.repeat(32_000),
  ]) {
    assert.ok(read(yaml).problems.length > 0);
  }
});

test('aliases of aliases are refused without being expanded', () => {
  const lines = ['a0: &a0 [x, x]'];
  for (let i = 1; i < 40; i += 1) lines.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
  assert.equal(read(lines.join('\n')).problems.length, 40);
});

test('no text throws', () => {
  const fragments = fc.constantFrom(
    'log',
    ':',
    ' ',
    '\n',
    '  ',
    'level',
    '-',
    '[',
    ']',
    '{',
    '}',
    '&a',
    '*a',
    '"',
    '!!map',
    '|',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(fragments, fc.string({ maxLength: 3 })), { maxLength: 30 }), (parts) => {
      read(parts.join(''));
    }),
    { numRuns: 300 },
  );
});
