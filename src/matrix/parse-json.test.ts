/** Owns the proof that bytes from outside are judged before anything is parsed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalJson, canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import { parseJsonBytes, parseJsonExactly, type JsonLimits, type JsonVerdict } from '#matrix/parse-json.ts';
import type { JsonValue } from '#matrix/pdu.ts';

const strict: JsonLimits = { bytesMax: 20_000_000, numbers: 'canonical' };
const tolerant: JsonLimits = { bytesMax: 20_000_000, numbers: 'any' };

function parse(text: string | Uint8Array, limits: JsonLimits = strict): JsonVerdict {
  return parseJsonBytes(typeof text === 'string' ? Buffer.from(text) : text, limits);
}

function reasonOf(verdict: JsonVerdict): string {
  return verdict.ok ? 'ok' : verdict.reason;
}

test('numbers: only plain integers of 53 bits are canonical', () => {
  for (const text of [
    '0',
    '7',
    '-1',
    '9007199254740991',
    '-9007199254740991',
    '[1,2]',
    '{"a":10}',
    '"1.5"',
    '{"1e3":1}',
  ]) {
    assert.equal(reasonOf(parse(text)), 'ok', text);
  }
  const bad = [
    '1.0',
    '1.5',
    '1e3',
    '1E3',
    '-0',
    '-0.0',
    '9007199254740992',
    '-9007199254740992',
    '12345678901234567890',
  ];
  for (const text of bad) {
    assert.equal(reasonOf(parse(`{"a":[${text}]}`)), 'bad-json', text);
    const verdict = parse(`{"a":[${text}]}`, tolerant);
    assert.ok(verdict.ok && !verdict.canonicalNumbers, text);
  }
  for (const text of ['1e999', '-1e999', '2e308', '9'.repeat(400)]) {
    assert.equal(reasonOf(parse(text, tolerant)), 'bad-json', text);
  }
});

test('what is no JSON is told apart from bad JSON', () => {
  const broken = [
    '',
    ' ',
    '{',
    '}',
    '{"a"}',
    '{"a":}',
    '[1,]',
    '{"a":1,}',
    "{'a':1}",
    'NaN',
    'Infinity',
    '-Infinity',
    '01',
  ];
  for (const text of [...broken, 'tru', '"a', '"\n"', '"\\x"', '"\\u12"', '1 2', '\ufeff{}', '-', '[}', '"\\']) {
    assert.equal(reasonOf(parse(text)), 'not-json', text);
    assert.equal(reasonOf(parse(text, tolerant)), 'not-json', text);
  }
});

test('bytes that are not UTF-8 are no JSON', () => {
  const bodies = [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]];
  for (const body of bodies) {
    assert.equal(reasonOf(parse(Buffer.from([0x22, ...body, 0x22]))), 'not-json');
  }
});

test('half a surrogate pair in an escape is bad JSON', () => {
  for (const text of [
    '\\ud83d',
    '\\ude00',
    '\\ud83d\\ud83d',
    '\\ud83dx',
    '\\uDBFF\\u0041',
    '\\ude00\\ud83d',
    '\\ud83d\\n',
    '\\ude00\\ude00',
    '\\ud83dxude00',
  ]) {
    assert.equal(reasonOf(parse(`"${text}"`)), 'bad-json', text);
    assert.equal(reasonOf(parse(`{"a":{"${text}":1}}`, tolerant)), 'bad-json', text);
  }
  for (const text of ['\\ud83d\\ude00', '\\uD7FF\\uE000', '\\uDBFF\\uDFFF', '\\\\ud83d', '\\u0000']) {
    assert.equal(reasonOf(parse(`"${text}"`)), 'ok', text);
  }
});

test('the scan finds the end of every string', () => {
  for (const text of ['\\ud83d\\ude00', '\\"', '\\\\', '\\u0041', '\\n', 'é😀', '']) {
    assert.equal(reasonOf(parse(`["${text}",1]`)), 'ok', text);
    assert.equal(reasonOf(parse(`["${text}",1.5]`)), 'bad-json', text);
    assert.equal(reasonOf(parse(`["${text}","1.5"]`)), 'ok', text);
  }
});

test('a key that comes twice is bad JSON, however it is spelt', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '[{"b":{"a":1,"c":2,"a":3}}]',
    '{"__proto__":1,"__proto__":2}',
  ]) {
    assert.equal(reasonOf(parse(text)), 'bad-json', text);
    assert.equal(reasonOf(parse(text, tolerant)), 'bad-json', text);
  }
  assert.equal(reasonOf(parse('{"a":{"a":1},"b":{"a":":"}}')), 'ok');
});

test('a key __proto__ is a key like any other', () => {
  const verdict = parse('{"__proto__":{"polluted":true},"constructor":1}');
  assert.ok(verdict.ok);
  assert.equal(canonicalJson(verdict.value), '{"__proto__":{"polluted":true},"constructor":1}');
  assert.equal(Object.getPrototypeOf(verdict.value), Object.prototype);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('limits: bytes, depth, nodes', () => {
  assert.equal(reasonOf(parse('[1]', { ...strict, bytesMax: 2 })), 'too-large');
  assert.equal(reasonOf(parse('[1]', { ...strict, bytesMax: 3 })), 'ok');
  assert.equal(reasonOf(parse('['.repeat(100) + ']'.repeat(100))), 'ok');
  assert.equal(reasonOf(parse('['.repeat(101) + ']'.repeat(101))), 'bad-json');
  assert.equal(reasonOf(parse(`[${'[{}],'.repeat(500)}0]`)), 'ok', 'depth, not number');
  assert.equal(reasonOf(parse('{"a":[]}', { ...strict, nodesMax: 3 })), 'ok');
  assert.equal(reasonOf(parse('{"a":[]}', { ...strict, nodesMax: 2 })), 'bad-json');
});

test('hostile input is refused at once', () => {
  const keys = Array.from({ length: 900_000 }, (_, index) => `"k${index}":0`).join(',');
  const hostile = {
    'nested arrays': '['.repeat(1e5) + ']'.repeat(1e5),
    'nested objects': '{"a":'.repeat(1e5) + '1' + '}'.repeat(1e5),
    'ten megabytes of keys': `{${keys}}`,
    'ten megabytes of one key': `{${'"a":0,'.repeat(1.6e6)}"a":0}`,
    'ten megabytes of empty objects': `[${'{},'.repeat(3.3e6)}1]`,
    'ten megabytes of surrogates': `"${'\\ud800'.repeat(1.6e6)}"`,
    'a number of ten megabytes': '1'.repeat(1e7),
  };
  for (const [name, text] of Object.entries(hostile)) {
    const bytes = Buffer.from(text);
    const times = [1, 2, 3].map(() => {
      const start = process.cpuUsage().user;
      assert.equal(reasonOf(parse(bytes)), 'bad-json', name);
      return (process.cpuUsage().user - start) / 1000;
    });
    // The best of three, in CPU time, so that a busy machine does not fail the test.
    assert.ok(Math.min(...times) < 50, `${name}: ${times.join(', ')} ms`);
  }
});

test('property: whatever JSON.stringify writes comes back, in both modes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      const verdict = parse(JSON.stringify(value), tolerant);
      // JSON.stringify writes lone surrogates as escapes, which are refused.
      if (!verdict.ok) assert.match(JSON.stringify(value), /\\ud[89a-f]/);
      else assert.deepEqual(verdict.value, JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('property: never throws, and agrees with JSON.parse about what is JSON', () => {
  const fragment = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '\\',
    'u',
    'd800',
    '\\u',
    '1',
    '-',
    '.',
    'e',
    '0',
    'a',
    ' ',
    'true',
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
      const text = fragments.join('');
      const verdict = parse(text, tolerant);
      if (verdict.ok) assert.deepEqual(verdict.value, JSON.parse(text));
      else if (verdict.reason === 'not-json') assert.throws(() => JSON.parse(text));
    }),
    { numRuns: 3000 },
  );
});

test('integers that a double cannot hold survive exact parsing', () => {
  const text = '{"a":18446744073709551616,"b":[-9007199254740993],"c":1.5,"d":1e3,"e":7}';
  assert.equal(
    canonicalJsonOfOldVersions(parseJsonExactly(text)),
    '{"a":18446744073709551616,"b":[-9007199254740993],"c":1.5,"d":1000,"e":7}',
  );
});

test('the verdict holds the value', () => {
  const verdict = parse('{"b":[1,"x",null]}');
  const expected: JsonValue = { b: [1, 'x', null] };
  assert.deepEqual(verdict, { ok: true, value: expected, canonicalNumbers: true });
});
