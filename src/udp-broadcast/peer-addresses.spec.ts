import { describe, expect, it } from '@jest/globals';
import { PeerAddresses } from './peer-addresses.js';

describe('PeerAddresses', () => {
  it('are all addresses of all names, each once, in one order', async () => {
    const hosts: Record<string, string[]> = { a: ['10.0.0.2', '10.0.0.1'], b: ['10.0.0.1'] };
    const peers = new PeerAddresses(['a:1', 'b:1', 'b:2'], 9, fail, async (host) => hosts[host] ?? []);
    await peers.open();
    expect(peers.addresses).toEqual(['10.0.0.1:1', '10.0.0.1:2', '10.0.0.2:1']);
    peers.close();
  });

  it('leave this node out', async () => {
    const peers = new PeerAddresses(['me:7', 'me:8'], 7, fail, async () => ['127.0.0.1']);
    await peers.open();
    expect(peers.addresses).toEqual(['127.0.0.1:8']);
    peers.close();
  });

  it('tell a name that does not resolve, and go on with the others', async () => {
    const failures: string[] = [];
    const peers = new PeerAddresses(
      ['gone:1', 'here:1'],
      9,
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

function fail(peer: string, error: Error): never {
  throw new Error(`${peer} should resolve`, { cause: error });
}
