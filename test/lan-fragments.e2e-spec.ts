import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from '../src/testing/test-client.js';
import { clusterEnvironment } from './support/environment.js';
import { Lan, lanImpediment } from './support/lan.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

const impediment = lanImpediment();
if (impediment !== null) process.stdout.write(`The tests of fragments are skipped: ${impediment}\n`);

const USUAL_BYTES = 1_200;
const LARGEST_BYTES = 32_768;
const PATIENCE_MS = 20_000;
/** So many of them in one turn need larger datagrams. */
const BURST = 24;
const BODY = 'x'.repeat(1_000);

interface Delivered {
  readonly event: string;
  readonly data: { readonly data: string };
}

/** The numbers at the beginning of the messages that have come, in order. */
function numbersIn(client: TestClient): number[] {
  return client.pending
    .map((frame) => JSON.parse(frame) as Delivered)
    .filter(({ event }) => event === 'message')
    .map(({ data }) => Number.parseInt(data.data, 10));
}

(impediment === null ? describe : describe.skip)('larger datagrams on a real LAN', () => {
  let lan: Lan;
  let sender: TestClient;
  let receiver: TestClient;
  let sent = 0;

  afterEach(() => lan.destroy());

  async function start(mtu: number): Promise<void> {
    lan = new Lan(2, mtu);
    const env = clusterEnvironment({ CLUSTER_BUS: 'udp' });
    await Promise.all(lan.hosts.map(async (host) => host.start(env)));
    sender = await lan.host(0).connect('sender');
    receiver = await lan.host(1).connect('receiver');
    sent = 0;
  }

  function sendBurst(): void {
    for (let count = 0; count < BURST; count += 1) {
      sender.send({ user_id: 'receiver', data: `${sent} ${BODY}` });
      sent += 1;
    }
  }

  /** Every message came once, and in order. */
  async function expectAll(): Promise<void> {
    await until(() => receiver.pending.length >= sent);
    expect(numbersIn(receiver)).toEqual(Array.from({ length: sent }, (_, number) => number));
    expect(lan.host(0).metric('lanfare_gaps_total', '')).toBe(0);
    expect(lan.host(1).metric('lanfare_gaps_total', '')).toBe(0);
  }

  const datagramBytes = (): number => lan.host(0).metric('lanfare_peer_datagram_bytes', 'peer=');

  /** Sends bursts until the datagrams to the other node have this size. */
  async function sendUntil(bytes: number): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (datagramBytes() !== bytes) {
      if (performance.now() > end) throw new Error(`datagrams have ${datagramBytes()} bytes still`);
      sendBurst();
      await sleep(20);
    }
  }

  it('are found and used on an Ethernet of jumbo frames', async () => {
    await start(9_000);
    await sendUntil(LARGEST_BYTES);
    sendBurst();
    await expectAll();
    expect(lan.host(1).kernelCount('Ip', 'ReasmFails')).toBe(0);
  });

  it('are found on a common one, and given up when it drops fragments from one moment on: nothing is missing', async () => {
    await start(1_500);
    await sendUntil(LARGEST_BYTES);
    expect(lan.host(1).kernelCount('Ip', 'ReasmOKs')).toBeGreaterThan(0);
    lan.host(1).loseFrames(1, 'fragments');
    await sendUntil(USUAL_BYTES);
    await expectAll();
    await until(() => lan.host(1).kernelCount('Ip', 'ReasmFails') > 0);
  });

  it('lose and disorder nothing while 1%, 5% and 10% of all frames are lost', async () => {
    await start(1_500);
    for (const share of [0.01, 0.05, 0.1]) {
      lan.host(1).loseFrames(share);
      for (let burst = 0; burst < 75; burst += 1) {
        sendBurst();
        await sleep(20);
      }
    }
    await expectAll();
    await until(() => lan.host(1).kernelCount('Ip', 'ReasmFails') > 0);
  });
});
