import { describe, expect, it } from '@jest/globals';
import { decodePlain, encodePlain, encodeProbe } from './plain-datagram.js';

const decode = (text: string) => decodePlain(Buffer.from(text));
const message = (to: string, data = '"haha"', from: string | null = null) => ({
  to,
  from,
  data: Buffer.from(data),
});

/** What the original, a Go program, reads: encoding/json ignores the case of names. */
function asTheOriginalReads(bytes: Buffer): Record<string, unknown> {
  const parsed = JSON.parse(bytes.toString()) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(parsed).filter(([name]) => ['user_id', 'data'].includes(name.toLowerCase())),
  );
}

describe('the plain datagram', () => {
  it.each(['2', '0', '-7', '9007199254740991'])('carries the integer id %s as a number', (id) => {
    expect(asTheOriginalReads(encodePlain(message(id), 'n'))).toEqual({ user_id: Number(id), data: 'haha' });
  });

  it.each(['02', 'two', '-0', '9007199254740993', '1.0', ' 2', 'é"\\'])(
    'carries the id %j as a string',
    (id) => {
      expect(asTheOriginalReads(encodePlain(message(id), 'n'))).toEqual({ user_id: id, data: 'haha' });
    },
  );

  it.each(['"haha"', '{"a" : [1.50]}', 'null', '12345678901234567890'])(
    'carries %s as it was written',
    (json) => {
      const decoded = decodePlain(encodePlain(message('2', json, '1'), 'n'));
      expect(decoded?.node).toBe('n');
      expect(decoded?.message).toEqual(message('2', json, '1'));
    },
  );

  it.each([
    ['{"user_id":2,"data":"haha"}', '2', '"haha"'],
    [' { "data" : {"x":"}"} , "user_id" : "two" } ', 'two', '{"x":"}"}'],
    ['{"user_id":1,"user_id":2,"data":0,"data":1}', '2', '1'],
    ['{"user_id":2,"data":"haha","extra":true}\n', '2', '"haha"'],
  ])('of a foreign program %s is read', (text, to, data) => {
    expect(decode(text)).toEqual({ node: null, message: message(to, data) });
  });

  it('does not take the sender from a foreign program', () => {
    expect(decode('{"user_id":2,"data":1,"from":"admin"}')?.message?.from).toBeNull();
  });

  it.each([
    '',
    'haha',
    '[]',
    'null',
    '2',
    '{}',
    '{"user_id":2}',
    '{"data":1}',
    '{"user_id":null,"data":1}',
    '{"user_id":9007199254740993,"data":1}',
    '{"user_id":1.5,"data":1}',
    '{"user_id":"","data":1}',
    '{"user_id":"\\ud800","data":1}',
    '{"user_id":2,"data":1',
    '{"user_id":2,"data":1}x',
    '\u0000',
  ])('refuses %j', (text) => {
    expect(decode(text)).toBeNull();
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(decodePlain(Buffer.from('7b22757365725f6964223a322c2264617461223a22ff227d', 'hex'))).toBeNull();
  });

  it('as a probe addresses nobody', () => {
    expect(decodePlain(encodeProbe('n'))).toEqual({ node: 'n', message: null });
    expect(asTheOriginalReads(encodeProbe('n'))).toEqual({});
  });
});
