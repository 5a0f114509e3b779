import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PeerAddresses, type ResolvedPeers } from './peer-addresses.js';

const isOwn = (endpoint: string): boolean => endpoint === '127.0.0.1:7';

describe('PeerAddresses', () => {
  it('are all addresses of all names, each once, in one order', async () => {
    const hosts: Record<string, string[]> = { a: ['10.0.0.2', '10.0.0.1'], b: ['10.0.0.1'] };
    const peers = new PeerAddresses(['a:1', 'b:1', 'b:2'], isOwn, fail, async (host) => hosts[host] ?? []);
    await peers.open();
    expect(peers.addresses).toEqual(['10.0.0.1:1', '10.0.0.1:2', '10.0.0.2:1']);
    peers.close();
  });

  it('are all ports of a range, but for this node', async () => {
    const asked: string[] = [];
    const peers = new PeerAddresses(['me:6-8'], isOwn, fail, async (host) => {
      asked.push(host);
      return ['127.0.0.1'];
    });
    await peers.open();
    expect(peers.addresses).toEqual(['127.0.0.1:6', '127.0.0.1:8']);
    expect(asked).toEqual(['me']);
    peers.close();
  });

  it('do not include this node', async () => {
    const peers = new PeerAddresses(['me:7', 'me:8'], isOwn, fail, async () => ['127.0.0.1']);
    await peers.open();
    expect(peers.addresses).toEqual(['127.0.0.1:8']);
    peers.close();
  });

  it('report a name that does not resolve, and go on with the others', async () => {
    const failures: string[] = [];
    const peers = new PeerAddresses(
      ['gone:1', 'here:1'],
      isOwn,
      (peer, error) => failures.push(`${peer} ${error.message}`),
      async (host) => {
        if (host === 'gone') throw new Error('ENOTFOUND');
        return ['10.0.0.1'];
      },
    );
    await peers.open();
    expect(peers.addresses).toEqual(['10.0.0.1:1']);
    expect(failures).toEqual(['gone:1 ENOTFOUND']);
    peers.close();
  });
});

describe('names that are asked again', () => {
  let asked: number;
  let answer: () => Promise<string[]>;
  let peers: PeerAddresses;
  const told: ResolvedPeers[] = [];

  beforeEach(async () => {
    jest.useFakeTimers();
    asked = 0;
    told.length = 0;
    answer = async () => Promise.reject(new Error('ENOTFOUND'));
    peers = new PeerAddresses(
      ['late:1'],
      isOwn,
      () => undefined,
      async () => {
        asked += 1;
        return answer();
      },
    );
    await peers.open();
    peers.peers$.subscribe((resolved) => told.push(resolved));
  });

  afterEach(() => {
    peers.close();
    jest.useRealTimers();
  });

  it('are asked every second until somebody was met, then more rarely, and again when all are gone', async () => {
    await jest.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(1 + 10);
    peers.seek(false);
    await jest.advanceTimersByTimeAsync(30_000);
    expect(asked).toBe(1 + 10 + 2);
    peers.seek(true);
    await jest.advanceTimersByTimeAsync(3_000);
    expect(asked).toBe(1 + 10 + 2 + 3);
  });

  it('count as unknown until they have resolved once', async () => {
    expect(told).toEqual([{ addresses: [], areAllResolved: false }]);
    answer = async () => ['10.0.0.1'];
    await jest.advanceTimersByTimeAsync(1_000);
    answer = async () => Promise.reject(new Error('ESERVFAIL'));
    await jest.advanceTimersByTimeAsync(5_000);
    expect(told.slice(1)).toEqual([{ addresses: ['10.0.0.1:1'], areAllResolved: true }]);
  });

  it('are not asked twice at once while the server is slow', async () => {
    answer = async () => new Promise(() => undefined);
    await jest.advanceTimersByTimeAsync(60_000);
    peers.seek(false);
    peers.seek(true);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(1 + 1);
  });

  it('are not asked any more once it is closed', async () => {
    peers.close();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(1);
  });
});

function fail(peer: string, error: Error): never {
  throw new Error(`${peer} should resolve`, { cause: error });
}
