import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { filter, firstValueFrom } from 'rxjs';
import { BrokerRefusal } from '../../broker/broker-client.js';
import { MemoryBroker } from '../../broker/testing/memory-broker.js';
import { ConfigurationError } from '../../config/variables.js';
import { BROKER_TIMING, BrokerCarrier } from './broker-carrier.js';
import type { CarriedDatagram } from './carrier.js';

Logger.overrideLogger(false);

/** All in hundredths of the usual times. */
const TIMING = {
  ...BROKER_TIMING,
  connectMs: 100,
  waitMs: 1,
  waitMaxMs: 20,
  echoMs: 20,
  firstEchoMs: 5,
  silentMs: 60,
  renewMs: 150,
};

const bootId = (byte: number): Buffer => Buffer.alloc(12, byte);
/** A datagram as a node sends it: the boot id stands in its header. */
const datagramOf = (byte: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([0xd1, 0, 0, 0]), bootId(byte), Buffer.from(text)]);

describe('a broker as carrier', () => {
  let broker: MemoryBroker;
  const carriers: BrokerCarrier[] = [];

  const add = async (byte: number, cluster = 'lan.fare'): Promise<BrokerCarrier> => {
    const carrier = new BrokerCarrier(broker.client(), cluster, bootId(byte), TIMING);
    carriers.push(carrier);
    await carrier.open();
    return carrier;
  };
  const until = async (
    carrier: BrokerCarrier,
    isSo: (outage: string | null) => boolean,
  ): Promise<string | null> => firstValueFrom(carrier.outage$.pipe(filter(isSo)));
  const isUp = async (carrier: BrokerCarrier) => until(carrier, (outage) => outage === null);

  beforeEach(() => {
    broker = new MemoryBroker();
  });

  afterEach(async () => {
    await Promise.all(carriers.splice(0).map(async (carrier) => carrier.close()));
  });

  it('carries datagrams to one node and to all, and tells where an answer goes', async () => {
    const [a, b] = [await add(1), await add(2)];
    await Promise.all([isUp(a), isUp(b)]);
    const came: CarriedDatagram[] = [];
    b.datagrams$.subscribe((datagram) => came.push(datagram));
    const answered = firstValueFrom(a.datagrams$.pipe(filter(({ arrival }) => arrival === 'own')));
    a.toAll(datagramOf(1, 'all'));
    await firstValueFrom(b.datagrams$);
    const [first] = came;
    expect(first).toEqual({
      bytes: datagramOf(1, 'all'),
      source: `lf.lan%2Efare.n.${'01'.repeat(12)}`,
      arrival: 'shared',
    });
    b.send(first?.source ?? '', datagramOf(2, 'one'));
    expect(await answered).toMatchObject({ bytes: datagramOf(2, 'one'), arrival: 'own' });
    expect(came).toHaveLength(1);
  });

  it('passes on nothing but datagrams, and none of another cluster', async () => {
    const [a, other] = [await add(1), await add(2, 'other')];
    await Promise.all([isUp(a), isUp(other)]);
    const came: string[] = [];
    a.datagrams$.subscribe(({ bytes }) => came.push(bytes.toString('latin1', 16)));
    other.toAll(datagramOf(2, 'of another cluster'));
    broker.pass('lf.lan%2Efare.all', Buffer.from('short'));
    a.toAll(datagramOf(1, 'ours'));
    await firstValueFrom(a.datagrams$);
    expect(came).toEqual(['ours']);
  });

  it('is up only when what it publishes comes back on both subjects', async () => {
    broker.carries = (subject) => !subject.endsWith('.all');
    const carrier = await add(1);
    expect(await until(carrier, (outage) => outage?.includes('.all') === true)).toBe(
      'Nothing is carried between the nodes: NATS at nats://memory: what is published to lf.lan%2Efare.all does not come back',
    );
    broker.carries = () => true;
    await isUp(carrier);
    broker.carries = (subject) => !subject.includes('.n.');
    expect(await until(carrier, (outage) => outage?.includes('come back') === true)).toContain(
      `what is published to lf.lan%2Efare.n.${'01'.repeat(12)} does not come back`,
    );
  });

  it('takes no other echo for its own: not a recorded one, and not that of another node', async () => {
    const carrier = await add(1);
    await isUp(carrier);
    const recorded = broker.published.slice();
    broker.carries = () => false;
    const replay = setInterval(() => {
      for (const { subject, bytes } of recorded) {
        for (const { inbox } of broker.sessions) inbox.receive(subject, bytes);
      }
    }, 1);
    await until(carrier, (outage) => outage !== null);
    clearInterval(replay);
  });

  it('tries another session when nothing comes back for long', async () => {
    broker.carries = () => false;
    const carrier = await add(1);
    await until(carrier, (outage) => outage?.includes('come back') === true);
    while (broker.attempts < 2) await new Promise(setImmediate);
    expect(broker.attempts).toBe(2);
    expect(broker.sessions.size).toBe(1);
  });

  it('comes back after the broker was away, as often as that happens', async () => {
    const carrier = await add(1);
    for (const why of ['killed', 'killed again']) {
      await isUp(carrier);
      broker.refusal = new Error('connection refused');
      broker.cut(why);
      expect(await until(carrier, (outage) => outage !== null)).toContain(why);
      await until(carrier, (outage) => outage?.includes('connection refused') === true);
      broker.refusal = null;
    }
    await isUp(carrier);
  });

  it('waits for a broker that is not there at the start, and ends the start when it is refused', async () => {
    broker.refusal = new Error('connection refused');
    const carrier = await add(1);
    broker.refusal = null;
    await isUp(carrier);
    broker.refusal = new BrokerRefusal('NATS_USER', 'wrong password');
    await expect(add(2)).rejects.toEqual(
      new ConfigurationError([{ variable: 'NATS_USER', message: 'wrong password' }]),
    );
  });

  it('keeps nothing for a broker that is away, and drops what one that does not read has no room for', async () => {
    const carrier = await add(1);
    await isUp(carrier);
    broker.isReading = false;
    const large = Buffer.alloc(32_768, 0xd1);
    for (let count = 0; count < 1_000; count += 1) carrier.toAll(large);
    const [session] = broker.sessions;
    expect(session?.unconfirmedBytes).toBeLessThanOrEqual(4 << 20);
    expect(carrier.dropped).toBeGreaterThan(800);
    broker.cut('killed');
    await until(carrier, (outage) => outage !== null);
    broker.isReading = true;
    broker.published.length = 0;
    carrier.toAll(datagramOf(1, 'while it is away'));
    await isUp(carrier);
    carrier.toAll(datagramOf(1, 'afterwards'));
    await firstValueFrom(carrier.datagrams$);
    const datagrams = broker.published.filter(({ bytes }) => bytes[0] === 0xd1);
    expect(datagrams.map(({ bytes }) => bytes.toString('latin1', 16))).toEqual(['afterwards']);
  });
});
