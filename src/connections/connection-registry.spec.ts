import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Message } from '../wire/message.js';
import { ConnectionRegistry, type ConnectionChange } from './connection-registry.js';
import { FakeDevice } from './testing/fake-device.js';

describe('ConnectionRegistry', () => {
  let registry: ConnectionRegistry;
  const message = (to: string): Message => ({ to, from: null, data: Buffer.from('1') });

  beforeEach(() => {
    registry = new ConnectionRegistry();
  });

  it('delivers to every connection of the user and to nobody else', () => {
    const [a, b, other] = [new FakeDevice('a', '1'), new FakeDevice('b', '1'), new FakeDevice('c', '2')];
    for (const connection of [a, b, other]) registry.add(connection);
    expect(registry.deliver(message('1'))).toBe(2);
    expect([a, b, other].map(({ received }) => received.length)).toEqual([1, 1, 0]);
  });

  it('counts only connections that took the message', () => {
    const [a, b] = [new FakeDevice('a', '1'), new FakeDevice('b', '1')];
    registry.add(a);
    registry.add(b);
    b.accepts = false;
    expect(registry.deliver(message('1'))).toBe(1);
    registry.remove(a);
    expect(registry.deliver(message('1'))).toBe(0);
  });

  it.each([1, 2, 3, 5])('holds nothing of a user whose %i connections are all gone', (count) => {
    const connections = Array.from({ length: count }, (_, index) => new FakeDevice(String(index), 'u'));
    for (const connection of connections) registry.add(connection);
    expect(registry.of('u')).toEqual(connections);
    for (const connection of connections) expect(registry.remove(connection)).toBe(true);
    expect([registry.size, registry.userCount, registry.count('u')]).toEqual([0, 0, 0]);
    expect(registry.of('u')).toEqual([]);
    expect(registry.deliver(message('u'))).toBe(0);
  });

  it('ignores a second removal', () => {
    const [a, b] = [new FakeDevice('a', 'u'), new FakeDevice('b', 'u')];
    registry.add(a);
    registry.add(b);
    registry.remove(a);
    expect(registry.remove(a)).toBe(false);
    expect(registry.size).toBe(1);
    expect(registry.of('u')).toEqual([b]);
  });

  it.each([0, 1, 2])('refuses to add a connection twice (with %i others)', (others) => {
    const connection = new FakeDevice('a', 'u');
    registry.add(connection);
    for (let i = 0; i < others; i++) registry.add(new FakeDevice(`o${i}`, 'u'));
    expect(() => registry.add(connection)).toThrow('registered already');
    expect(registry.size).toBe(1 + others);
  });

  it('emits every change after it was made, with how many connections the user has then', () => {
    const changes: [ConnectionChange['change'], string, number, number][] = [];
    registry.changes$.subscribe(({ change, connection, connectionsOfUser }) =>
      changes.push([change, connection.id, connectionsOfUser, registry.count(connection.userId)]),
    );
    const [a, b] = [new FakeDevice('a', 'u'), new FakeDevice('b', 'u')];
    registry.add(a);
    registry.add(b);
    registry.remove(a);
    registry.remove(b);
    registry.remove(b);
    expect(changes).toEqual([
      ['added', 'a', 1, 1],
      ['added', 'b', 2, 2],
      ['removed', 'a', 1, 1],
      ['removed', 'b', 0, 0],
    ]);
  });

  it('lists all connections', () => {
    const connections = ['1', '1', '2', '3'].map((user, index) => new FakeDevice(String(index), user));
    for (const connection of connections) registry.add(connection);
    expect(new Set(registry.all())).toEqual(new Set(connections));
  });
});
