/** Owns the proof that identifiers are accepted and refused as the grammar says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hostnameOf,
  isEventId,
  isIpLiteral,
  isRoomAlias,
  isRoomId,
  isServerName,
  isStrictLocalpart,
  isUserId,
  localpartOf,
  serverNameOf,
} from '#matrix/ids.ts';

function check(accepts: (id: string) => boolean, good: readonly string[], bad: readonly string[]): void {
  for (const id of good) assert.ok(accepts(id), `accepts ${JSON.stringify(id)}`);
  for (const id of bad) assert.ok(!accepts(id), `refuses ${JSON.stringify(id)}`);
}

test('server names', () => {
  check(
    isServerName,
    // Appendices, "Server Name": the examples, then the edges.
    [
      'matrix.org',
      'matrix.org:8888',
      '1.2.3.4',
      '1.2.3.4:1234',
      '[1234:5678::abcd]',
      '[1234:5678::abcd]:5678',
      'localhost',
      'EXAMPLE.org',
      'a-b.c',
      'x:00001',
      '[::]',
      '[::1]',
      '[::ffff:1.2.3.4]',
      '[1:2:3:4:5:6:7::]',
      '[1:2:3:4:5:6:7:8]',
      '[1:2:3:4:5:6:1.2.3.4]',
      '1.2.3',
      '1.2.3.4.5',
      'a'.repeat(255),
    ],
    [
      '',
      'a b',
      'a_b',
      'exämple.org',
      'a:',
      'a:123456',
      'a:b',
      'a:1:2',
      '256.1.1.1',
      '1.2.3.999',
      '[1.2.3.4]',
      '[:::]',
      '[1::2::3]',
      '[1:2:3:4:5:6:7]',
      '[1:2:3:4:5:6:7:8:9]',
      '[1:2:3:4:5:6:7::8]',
      '[1:2:3:4:5:6:7:1.2.3.4]',
      '[12345::]',
      '[::g]',
      '[1.2.3.4::]',
      '::1',
      '[::1',
      'a/b',
      'a@b',
      'a\n',
      'a'.repeat(256),
    ],
  );
});

test('user ids: historical ones are accepted, impossible ones are not', () => {
  check(
    isUserId,
    [
      '@alice:example.org',
      '@a.b_c=d-e/f+g:example.org:8448',
      '@Alice:example.org',
      '@:example.org',
      '@é 😀\n:example.org',
      '@a:[::1]:80',
      '@a:256.1.1.1',
      `@${'a'.repeat(252)}:b`,
      `@${'é'.repeat(126)}:b`,
    ],
    [
      'alice',
      '@alice',
      '@alice:',
      '@al\0ice:example.org',
      '@\ud800:example.org',
      '@a:b:c',
      '#a:b',
      '@a:b c',
      ' @a:b',
      `@${'a'.repeat(253)}:b`,
      `@${'é'.repeat(127)}:b`,
    ],
  );
});

test('localparts of new users', () => {
  check(isStrictLocalpart, ['alice', 'a.b_c=d-e/f+0'], ['', 'Alice', 'a b', 'é', 'a:b', 'a@b', 'a\n', 'a~b']);
});

test('room aliases, room ids and event ids', () => {
  check(isRoomAlias, ['#room:example.org', '#é😀:a', '#:a', '#a b:a'], ['#room', 'room:a', '#a\0:b', '#a:', '!a:b']);
  const hash = 'Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ';
  check(isRoomId, ['!a:b', `!${hash}`, '!:b', '!é:b'], ['!a', '#a:b', `!${hash}x`, `!${hash.slice(1)}`, '!a:b_c']);
  check(isEventId, ['$a:b', `$${hash}`, `$${hash.replaceAll('-', '+')}`], ['$a', '!a:b', `$${hash}=`, '$']);
});

test('the parts of an id', () => {
  assert.equal(serverNameOf('@alice:example.org:8448'), 'example.org:8448');
  assert.equal(serverNameOf('@a:[::1]:80'), '[::1]:80');
  assert.equal(serverNameOf('!hash'), undefined);
  assert.equal(localpartOf('@alice:example.org:8448'), 'alice');
  assert.equal(localpartOf('@:a'), '');
  assert.equal(localpartOf('!hash'), 'hash');
});

test('hostnames and address literals', () => {
  const hostnames = { 'a.b:1': 'a.b', 'a.b': 'a.b', '[::1]:80': '[::1]', '[::1]': '[::1]', '1.2.3.4:5': '1.2.3.4' };
  for (const [name, hostname] of Object.entries(hostnames)) assert.equal(hostnameOf(name), hostname);
  check(isIpLiteral, ['1.2.3.4', '[::1]'], ['a.b', '1.2.3', '1.2.3.4.example.org', '256.1.1.1']);
});
