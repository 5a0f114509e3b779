import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { canonicalAddress, ClientAddresses, countedAddress } from './client-address.js';

const PROXY = '10.0.0.1';

function seen(
  forwarded: string | undefined,
  peer = PROXY,
  proxies = ['10.0.0.0/8', '2001:db8:9::/48'],
): string {
  const request = { socket: { remoteAddress: peer }, headers: { 'x-forwarded-for': forwarded } };
  return new ClientAddresses(proxies).of(request as unknown as IncomingMessage);
}

describe('an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:50001', '203.0.113.7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:FFFF:203.0.113.7', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::0001', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:443', 'fe80::1'],
    ['::1', '::1'],
  ])('%s is %s', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
  });

  it.each([
    '',
    'unknown',
    '_hidden',
    'unix:',
    'proxy.example',
    '1',
    '127.1',
    '010.0.0.1',
    '0x7f.0.0.1',
    '1.2.3.4.5',
    '[2001:db8::1',
    '[]',
    '[]:80',
    ':80',
    '::1::',
    '%eth0',
  ])('is not what %j says', (text) => {
    expect(canonicalAddress(text)).toBeNull();
  });
});

describe('a client behind trusted proxies', () => {
  it.each<[forwarded: string | undefined, expected: string]>([
    [undefined, PROXY],
    ['', PROXY],
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:50001', '203.0.113.7'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['198.51.100.7, 203.0.113.7', '203.0.113.7'],
    ['203.0.113.7,10.1.2.3', '203.0.113.7'],
    ['203.0.113.7, ::ffff:10.1.2.3', '203.0.113.7'],
    ['203.0.113.7, [2001:db8:9::5]:8080', '203.0.113.7'],
    [' 203.0.113.7 ,, \t10.1.2.3 , ', '203.0.113.7'],
    ['203.0.113.7, unknown', PROXY],
    ['203.0.113.7, _hidden, 10.1.2.3', '10.1.2.3'],
    ['10.1.2.4, 10.1.2.3', '10.1.2.4'],
  ])('that say %j is %s', (forwarded, expected) => {
    expect(seen(forwarded)).toBe(expected);
  });

  it('has the address of its peer where the peer is no trusted proxy', () => {
    expect(seen('203.0.113.7', '192.0.2.1')).toBe('192.0.2.1');
    expect(seen('203.0.113.7', PROXY, [])).toBe(PROXY);
  });

  it.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '::FFFF:10.0.0.1'],
    ['10.0.0.1', '::ffff:10.0.0.0/104'],
    ['10.0.0.1', '::ffff:0:0/96'],
    ['2001:db8::1', '2001:DB8:0::1'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('knows %s by the entry %s', (peer, proxy) => {
    expect(seen('203.0.113.7', peer, [proxy])).toBe('203.0.113.7');
  });
});

describe('where addresses are counted', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::2', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::2', '2001:db8:0:1::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:3:4:5:0', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::cb00:7107', '64:ff9b::cb00:7107'],
    ['', ''],
  ])('%s is %s', (address, expected) => {
    expect(countedAddress(address)).toBe(expected);
  });
});
