/** Owns the proof that globs match what they should, and in linear time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { compileGlob } from '#matrix/glob.ts';

test('stars and question marks', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything\nat all', true],
    ['?', '', false],
    ['?', '😀', true],
    ['??', '😀', false],
    ['lun?h', 'lunch', true],
    ['lun?h', 'lunh', false],
    ['*.example.org', 'a.b.example.org', true],
    ['*.example.org', 'example.org', false],
    ['*.example.org', 'a.example.org.evil', false],
    ['a*b*c', 'a__b__b__c', true],
    ['a*b*c', 'a__b__b__', false],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
    ['**a**', 'a', true],
    ['a', 'A', false],
  ];
  for (const [pattern, text, expected] of cases) {
    assert.equal(compileGlob(pattern)(text), expected, `${pattern} on ${text}`);
  }
  assert.ok(compileGlob('A*É', { ignoreCase: true })('abcé'));
  assert.ok(compileGlob('MATRIX.org', { ignoreCase: true })('matrix.ORG'));
});

test('a part between word boundaries', () => {
  // Client-Server API, "Push Rules", the note at `event_match`, and edges.
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['ex*ple', 'An example event.', true],
    ['exa', 'An example event.', false],
    ['example', 'example', true],
    ['example', 'example_', false],
    ['example', 'counterexample', false],
    ['example', '(example)', true],
    ['example', 'éexampleé', true],
    ['alice', '@alice:example.org', true],
    ['@alice', 'hi @alice', true],
    ['ali?e', 'hi alice!', true],
    ['ex ev', 'an ex ev', true],
    ['', 'x', true],
    ['*', '', true],
    ['b', 'a_b', false],
  ];
  for (const [pattern, text, expected] of cases) {
    assert.equal(compileGlob(pattern, { extent: 'words' })(text), expected, `${pattern} in ${text}`);
  }
});

test('property: the same as a regular expression', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '_', ' ', '*', '?', '😀'), maxLength: 70 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '_', ' ', '😀'), maxLength: 70 });
  fc.assert(
    fc.property(
      fc.oneof(pattern, fc.string({ maxLength: 4, unit: fc.constantFrom('a', '*', '?') })),
      text,
      (pattern, text) => {
        const source = Array.from(pattern.replaceAll(/\*+/g, '*'), (each) =>
          each === '*' ? '.*' : each === '?' ? '.' : each,
        ).join('');
        assert.equal(compileGlob(pattern)(text), new RegExp(`^${source}$`, 'su').test(text));
        const boundary = String.raw`(?:^|$|(?<=\W)|(?=\W))`;
        const inWords = new RegExp(`${boundary}${source}${boundary}`, 'su').test(text);
        assert.equal(compileGlob(pattern, { extent: 'words' })(text), inWords);
      },
    ),
    { numRuns: 2000 },
  );
});

test('hostile patterns take no longer than their length allows', () => {
  const text = 'a'.repeat(60_000);
  for (const pattern of ['*a'.repeat(500), `*${'a?'.repeat(500)}b`, `${'?'.repeat(1000)}*b`]) {
    const start = process.cpuUsage().user;
    compileGlob(pattern)(text);
    compileGlob(pattern, { extent: 'words' })(text);
    const spentMs = (process.cpuUsage().user - start) / 1000;
    assert.ok(spentMs < 250, `${pattern.slice(0, 10)}: ${spentMs} ms`);
  }
  assert.equal(compileGlob('*'.repeat(1025))('a'), false, 'beyond the limit nothing matches');
});
