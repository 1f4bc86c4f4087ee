import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressRule } from '#core/network/public-addresses.ts';

const special = [
  ...[
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
  ],
  ...[
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.7',
    '203.0.113.9',
  ],
  ...['224.0.0.1', '239.1.2.3', '240.0.0.1', '255.255.255.255'],
  ...[
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
  ],
  ...[
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
  ],
  // No addresses at all, in the spellings that some resolvers take for one.
  ...[
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '0x7f000001',
    'localhost',
    '',
    '127.0.0.1 ',
    '[::1]',
    'fe80::1%eth0',
  ],
];
const open = [
  '1.1.1.1',
  '9.9.9.9',
  '100.63.255.255',
  '100.128.0.1',
  '172.15.0.1',
  '172.32.0.1',
  '192.0.1.1',
  '223.255.255.254',
];
const openIpv6 = ['2606:4700:4700::1111', '2a00:1450::1', '2001:4860:4860::8888', '::ffff:1.1.1.1'];

test('V101: special addresses in every spelling are refused, and public ones are not', () => {
  const mayConnect = createAddressRule([]);
  assert.deepEqual(special.filter(mayConnect), []);
  assert.deepEqual(
    [...open, ...openIpv6].filter((address) => !mayConnect(address)),
    [],
  );
});

test('what the operator allows may be connected to, in every spelling of it, and nothing else', () => {
  const mayConnect = createAddressRule(['10.1.0.0/16', '127.0.0.1', 'fd00::/8']);
  for (const address of ['10.1.2.3', '127.0.0.1', '::ffff:127.0.0.1', 'fd12::1'])
    assert.ok(mayConnect(address), address);
  for (const address of ['10.2.0.1', '127.0.0.2', 'fc00::1', '::1']) assert.ok(!mayConnect(address), address);
});
