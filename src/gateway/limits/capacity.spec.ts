import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ConnectionRegistry } from '../../connections/connection-registry.js';
import { FakeDevice } from '../../connections/testing/fake-device.js';
import type { Environment } from '../../config/variables.js';
import { gatewayVariables } from '../gateway.config.js';
import { Capacity } from './capacity.js';

const HERE = '192.0.2.1';

describe('the capacity of a node', () => {
  const connections = new ConnectionRegistry();
  const capacityOf = (env: Environment) => new Capacity(connections, gatewayVariables.parse(env));

  beforeEach(() => {
    Logger.overrideLogger(false);
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('is a number of places, and a place is free again when it is given back', () => {
    const capacity = capacityOf({ WS_MAX_CONNECTIONS: '2' });
    expect([capacity.take(HERE), capacity.take('192.0.2.2')]).toEqual([null, null]);
    expect(capacity.take('192.0.2.3')).toBe('full');
    capacity.release(HERE);
    expect(capacity.take('192.0.2.3')).toBeNull();
    expect(capacity.take('192.0.2.4')).toBe('full');
  });

  it('leaves sockets for clients that are told that it is full', () => {
    const capacity = capacityOf({ WS_MAX_CONNECTIONS: '2' });
    expect(capacity.connectionsMax).toBe(2);
    expect(capacity.socketsMax).toBeGreaterThan(2);
  });

  it('is never more than the files that the process may open, and a larger setting is logged', () => {
    const warn = jest.spyOn(Logger.prototype, 'warn');
    const byFiles = capacityOf({}).connectionsMax;
    expect(warn).not.toHaveBeenCalled();
    expect(byFiles).toBeGreaterThan(0);
    expect(capacityOf({ WS_MAX_CONNECTIONS: '10000000' }).connectionsMax).toBe(Math.min(byFiles, 10_000_000));
    expect(warn.mock.calls.length).toBe(byFiles < 10_000_000 ? 1 : 0);
  });

  it.each([
    ['each IPv4 address', HERE, '192.0.2.2'],
    ['each IPv6 network of 64 bits', '2001:db8::1', '2001:db8:0:1::1'],
  ])('may be limited for %s', (_, one, other) => {
    const capacity = capacityOf({ WS_MAX_CONNECTIONS_PER_IP: '2' });
    expect([capacity.take(one), capacity.take(one)]).toEqual([null, null]);
    expect(capacity.take(one)).toBe('too_many_from_address');
    expect(capacity.take(other)).toBeNull();
    capacity.release(one);
    expect(capacity.take(one)).toBeNull();
    expect(capacity.take(one)).toBe('too_many_from_address');
  });

  it('counts the addresses of one IPv6 network as one', () => {
    const capacity = capacityOf({ WS_MAX_CONNECTIONS_PER_IP: '1' });
    expect(capacity.take('2001:db8::1')).toBeNull();
    expect(capacity.take('2001:db8::ffff:2')).toBe('too_many_from_address');
  });

  it('may be limited per second, and a refused client costs the others nothing', () => {
    jest.useFakeTimers();
    const capacity = capacityOf({ WS_CONNECTIONS_PER_SECOND: '2' });
    expect([capacity.take(HERE), capacity.take(HERE)]).toEqual([null, null]);
    for (let attempt = 0; attempt < 100; attempt++) {
      expect(capacity.take(HERE)).toBe('connecting_too_fast');
    }
    jest.advanceTimersByTime(500);
    expect(capacity.take(HERE)).toBeNull();
    expect(capacity.take(HERE)).toBe('connecting_too_fast');
  });

  it('is not taken by a client that is refused', () => {
    const capacity = capacityOf({ WS_MAX_CONNECTIONS: '2', WS_MAX_CONNECTIONS_PER_IP: '1' });
    expect(capacity.take(HERE)).toBeNull();
    expect(capacity.take(HERE)).toBe('too_many_from_address');
    expect(capacity.take('192.0.2.2')).toBeNull();
  });

  it('is limited for each user: the devices on this node count', () => {
    const capacity = capacityOf({ WS_MAX_CONNECTIONS_PER_USER: '2' });
    const devices = ['1', '2'].map((id) => new FakeDevice(id, 'ann'));
    for (const device of devices) {
      expect(capacity.hasRoomFor('ann')).toBe(true);
      connections.add(device);
    }
    expect([capacity.hasRoomFor('ann'), capacity.hasRoomFor('bob')]).toEqual([false, true]);
    expect(capacityOf({ WS_MAX_CONNECTIONS_PER_USER: '0' }).hasRoomFor('ann')).toBe(true);
    for (const device of devices) connections.remove(device);
    expect(capacity.hasRoomFor('ann')).toBe(true);
  });
});
