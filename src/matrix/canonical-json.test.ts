/** Owns the proof that canonical JSON is what the specification's examples show. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { canonicalJson, canonicalJsonOfOldVersions, sortedKeys } from '#matrix/canonical-json.ts';
import { canonicalValue, withKeysReversed } from '#test/event-arbitraries.ts';

// Appendices, "Canonical JSON", "Examples": each input with its canonical form.
const examples: readonly (readonly [string, string])[] = [
  ['{}', '{}'],
  ['{"one": 1, "two": "Two"}', '{"one":1,"two":"Two"}'],
  ['{"b": "2", "a": "1"}', '{"a":"1","b":"2"}'],
  ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
  [
    `{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe", "three_pids": [
      {"medium": "email", "address": "john.doe@example.org"}, {"medium": "msisdn", "address": "123456789"}]}}}`,
    '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
  ],
  ['{"a": "日本語"}', '{"a":"日本語"}'],
  ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
  ['{"a": "\\u65E5"}', '{"a":"日"}'],
  ['{"a": null}', '{"a":null}'],
  ['{"a": -0, "b": 1e10}', '{"a":0,"b":10000000000}'],
];

test('every example of the specification', () => {
  for (const [input, expected] of examples) {
    assert.equal(canonicalJson(JSON.parse(input)), expected);
    assert.equal(canonicalJsonOfOldVersions(JSON.parse(input)), expected);
  }
});

test('strings are escaped as the grammar says and no further', () => {
  assert.equal(
    canonicalJson('\0\x07\b\t\n\v\f\r\x1f"\\/\x7f\u2028é😀'),
    '"\\u0000\\u0007\\b\\t\\n\\u000b\\f\\r\\u001f\\"\\\\/\x7f\u2028é😀"',
  );
});

test('keys are ordered by code point, where UTF-16 would put a surrogate pair before U+FFFF', () => {
  assert.equal(canonicalJson({ '\u{10000}': 1, '\uFFFF': 2, a: 3 }), '{"a":3,"\uFFFF":2,"\u{10000}":1}');
  assert.equal(canonicalJson({ '\uFFFF': 2, '\u{10000}': 1 }), '{"\uFFFF":2,"\u{10000}":1}');
  assert.equal(canonicalJson({ '\u{10FFFF}': 1, '\uE000': 2 }), '{"\uE000":2,"\u{10FFFF}":1}');
  assert.equal(canonicalJson({ '10': 1, '9': 2, B: 3, a: 4, '': 5 }), '{"":5,"10":1,"9":2,"B":3,"a":4}');
});

test('what has no canonical form is a mistake of the caller', () => {
  for (const value of [
    1.5,
    Number.NaN,
    Infinity,
    2 ** 53,
    -(2 ** 53),
    '\ud800',
    '\udc00x',
    ['\ud800'],
    { '\udfff': 1 },
  ]) {
    assert.throws(() => canonicalJson(value), TypeError);
  }
  assert.throws(
    () => canonicalJson(JSON.parse('{"a":1}', (key, value) => (key === 'a' ? Symbol('a') : value))),
    TypeError,
  );
  assert.equal(canonicalJson([2 ** 53 - 1, -(2 ** 53) + 1]), '[9007199254740991,-9007199254740991]');
});

test('old room versions keep large integers and floats', () => {
  assert.equal(canonicalJsonOfOldVersions([2n ** 64n, 1.5, -0.25]), '[18446744073709551616,1.5,-0.25]');
  assert.throws(() => canonicalJsonOfOldVersions(Infinity), TypeError);
});

test('property: parsing gives the value back, and another order of keys the same text', () => {
  fc.assert(
    fc.property(canonicalValue, (value) => {
      const text = canonicalJson(value);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      assert.equal(canonicalJson(JSON.parse(text)), text);
      assert.equal(canonicalJson(withKeysReversed(value)), text);
    }),
  );
});

test('property: keys come in the order of their UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.constant(1), { maxKeys: 40 }), (object) => {
      const byBytes = Object.keys(object).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(sortedKeys(object), byBytes);
    }),
  );
});
