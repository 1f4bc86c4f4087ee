import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTemplate, decodeParams, matchesTemplate, splitPath, templatesOverlap } from '#http/path-template.ts';

test('a template matches its instances and gives their parameters', () => {
  const template = compileTemplate('/rooms/{roomId}/send/{txnId}');
  const segments = splitPath('/rooms/%21a%2Fb/send/1');
  assert.ok(matchesTemplate(template, segments));
  assert.deepEqual(decodeParams(template, segments), { roomId: '!a/b', txnId: '1' });
  for (const path of ['/rooms/a/send', '/rooms/a/send/', '/rooms//send/1', '/Rooms/a/send/1', '/rooms/a/send/1/']) {
    assert.ok(!matchesTemplate(template, splitPath(path)), path);
  }
});

test('only the last parameter may be empty, and only where the template says so', () => {
  const template = compileTemplate('/state/{eventType}/{stateKey}', true);
  for (const path of ['/state/m.a', '/state/m.a/']) {
    assert.ok(matchesTemplate(template, splitPath(path)), path);
    assert.deepEqual(decodeParams(template, splitPath(path)), { eventType: 'm.a', stateKey: '' });
  }
  for (const path of ['/state', '/state/', '/state//x', '/state/m.a/b/']) {
    assert.ok(!matchesTemplate(template, splitPath(path)), path);
  }
  assert.throws(() => compileTemplate('/state/name', true), TypeError);
});

test('overlapping templates are found', () => {
  const overlap = (one: string, other: string): boolean =>
    templatesOverlap(compileTemplate(one), compileTemplate(other));
  assert.ok(overlap('/a/{x}', '/{y}/b'));
  assert.ok(!overlap('/a/{x}', '/b/{x}'));
  assert.ok(!overlap('/a/{x}', '/a/{x}/c'));
  assert.ok(templatesOverlap(compileTemplate('/a/{x}', true), compileTemplate('/a')));
});

test('odd templates are refused', () => {
  for (const text of ['a', '/a//b', '/a/{b', '/a/{b}c', '/a/:b', '/a/{b c}', '/a b']) {
    assert.throws(() => compileTemplate(text), TypeError, text);
  }
});
