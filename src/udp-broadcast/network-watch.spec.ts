import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NetworkWatch } from './network-watch.js';
import type { Network } from './network.js';
import { eth0, eth1, lo } from './testing/networks.js';

describe('NetworkWatch', () => {
  const changes: (string | null)[] = [];
  const failures: string[] = [];
  let read: () => Network[];
  let watch: NetworkWatch;

  beforeEach(() => {
    jest.useFakeTimers();
    changes.length = failures.length = 0;
    read = () => [lo, eth0];
    watch = new NetworkWatch(
      (change) => changes.push(change),
      ({ message }) => failures.push(message),
      () => read(),
    );
    watch.open();
  });

  afterEach(() => {
    watch.close();
    jest.useRealTimers();
  });

  it('looks every two seconds, and says what has changed since the last look', () => {
    jest.advanceTimersByTime(2_000);
    read = () => [lo, eth1];
    jest.advanceTimersByTime(4_000);
    read = () => [lo, { ...eth1, cidr: '192.168.7.9/24' }];
    jest.advanceTimersByTime(2_000);
    read = () => [lo];
    jest.advanceTimersByTime(2_000);
    expect(changes).toEqual([
      null,
      'gone: eth0 10.1.2.3/23 (02:00:00:00:00:01); new: eth1 192.168.7.1/24 (02:00:00:00:00:01)',
      null,
      'gone: eth1 192.168.7.1/24 (02:00:00:00:00:01); new: eth1 192.168.7.9/24 (02:00:00:00:00:01)',
      'gone: eth1 192.168.7.9/24 (02:00:00:00:00:01)',
    ]);
    expect(watch.networks).toEqual([lo]);
  });

  it('distinguishes two interfaces with the same name and address', () => {
    read = () => [lo, { ...eth0, mac: '02:00:00:00:00:02' }];
    jest.advanceTimersByTime(2_000);
    expect(changes).toEqual([expect.stringMatching(/^gone: eth0 .*:01\); new: eth0 .*:02\)$/)]);
  });

  it('keeps what it knew while the networks can not be read', () => {
    read = () => {
      throw new Error('EMFILE');
    };
    jest.advanceTimersByTime(2_000);
    expect([watch.networks, failures, changes]).toEqual([[lo, eth0], ['EMFILE'], []]);
    read = () => [lo, eth0];
    jest.advanceTimersByTime(2_000);
    expect(changes).toEqual([null]);
  });

  it('stops looking once it is closed', () => {
    watch.close();
    jest.advanceTimersByTime(10_000);
    expect(changes).toEqual([]);
  });
});
