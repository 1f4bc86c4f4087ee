import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressGroup, createRemoteAddressOf } from '#http/remote-address.ts';

test('without trusted proxies the socket decides', () => {
  const of = createRemoteAddressOf([]);
  assert.equal(of('198.51.100.1', '192.0.2.1'), '198.51.100.1');
  assert.equal(of('::ffff:198.51.100.1', undefined), '198.51.100.1');
  assert.equal(of(undefined, '192.0.2.1'), '');
});

test('behind trusted proxies the rightmost address that is not trusted decides', () => {
  const of = createRemoteAddressOf(['10.0.0.0/8', '::1', '2001:db8::/32']);
  assert.equal(of('10.0.0.1', '203.0.113.5, 192.0.2.1'), '192.0.2.1');
  assert.equal(of('10.0.0.1', '203.0.113.5, 192.0.2.1 , 10.1.1.1'), '192.0.2.1');
  assert.equal(of('::1', '192.0.2.1:4711'), '192.0.2.1');
  assert.equal(of('2001:db8::7', '[2001:dead::1]:99'), '2001:dead::1');
  assert.equal(of('::ffff:10.0.0.1', '192.0.2.1'), '192.0.2.1');
  assert.equal(of('10.0.0.1', '10.0.0.2'), '10.0.0.2');
  assert.equal(of('10.0.0.1', 'evil, nonsense'), '10.0.0.1');
  assert.equal(of('10.0.0.1', '192.0.2.1, nonsense'), '10.0.0.1');
  assert.equal(of('10.0.0.1', undefined), '10.0.0.1');
  assert.equal(of('198.51.100.1', '192.0.2.1'), '198.51.100.1');
});

test('entries that are no addresses are refused', () => {
  for (const entry of ['', 'proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', '::1/129', '10.0.0.0/8/8']) {
    assert.throws(() => createRemoteAddressOf([entry]), TypeError, entry);
  }
});

test('an IPv6 client is limited by its /64', () => {
  assert.equal(addressGroup('192.0.2.1'), '192.0.2.1');
  assert.equal(addressGroup('2001:db8:0:7:1::5'), '2001:db8:0:7::/64');
  assert.equal(addressGroup('2001:DB8:0:07:aaaa:bbbb:cccc:dddd'), '2001:db8:0:7::/64');
  assert.equal(addressGroup('2001:db8::1'), '2001:db8:0:0::/64');
  assert.equal(addressGroup('::1'), '0:0:0:0::/64');
  assert.equal(addressGroup('fe80::1%eth0'), 'fe80:0:0:0::/64');
});
