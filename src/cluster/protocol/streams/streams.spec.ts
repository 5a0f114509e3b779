import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { PeerTimers } from '../peers/peer-timers.js';
import type { Timer } from '../timers.js';
import { ByteReader } from '../wire/byte-reader.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { FRAGMENT_HEADER_BYTES, MESSAGE_FRAGMENT } from '../wire/frames.js';
import { Fragments } from './fragments.js';
import { IncomingStream } from './incoming-stream.js';
import { OutgoingStream } from './outgoing-stream.js';

const timing = {
  firstDelayMs: 2,
  firstJitterMs: 0,
  retryMs: 10,
  retryMaxMs: 250,
  retryRecordMs: 0,
  gapAfterMs: 3_000,
};

function append(stream: OutgoingStream, body: Buffer, userMessages = 1): void {
  stream.append(0, Buffer.from([1, 0, 0]), 3, body, userMessages, false);
}

/** The bodies of the messages in records, fragments joined. */
function messagesIn(records: readonly Buffer[]): string[] {
  const fragments = new Fragments();
  const bodies: string[] = [];
  for (const record of records) {
    for (let at = 0; at < record.length;) {
      const end = at + 3 + record.readUInt16BE(at + 1);
      if (record[at] === MESSAGE_FRAGMENT) {
        const bytes = record.subarray(at + FRAGMENT_HEADER_BYTES, end);
        const whole = fragments.add(
          record[at + 3] as number,
          record.readUInt16BE(at + 4),
          bytes,
          1e6,
          () => undefined,
        );
        if (whole !== null) bodies.push(whole.subarray(1).toString('latin1'));
      } else {
        bodies.push(record.subarray(at + 3, end).toString('latin1'));
      }
      at = end;
    }
  }
  return bodies;
}

const none = (): void => undefined;

describe('OutgoingStream', () => {
  it('packs messages of any size into records that fit, and in order', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 900 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const stream = new OutgoingStream(100);
        const bodies = lengths.map((length, index) => Buffer.alloc(length, 65 + (index % 26)));
        for (const body of bodies) append(stream, body);
        stream.close(0);
        const records: Buffer[] = [];
        while (stream.hasUnsent) records.push(stream.takeUnsent(0).body);
        for (const record of records) expect(record.length).toBeLessThanOrEqual(100);
        expect(messagesIn(records)).toEqual(bodies.map((body) => body.toString('latin1')));
        expect(stream.userMessages()).toBe(bodies.length);
        stream.ackTo(stream.nextSequence - 1);
        expect([stream.records, stream.bytes]).toEqual([0, 0]);
      }),
    );
  });

  it('moves to a new session exactly what the old one did not deliver', () => {
    const stream = new OutgoingStream(100);
    for (let index = 1; index <= 6; index += 1) {
      append(stream, Buffer.from(String(index)));
      stream.close(0);
      if (index === 3) stream.appendSnapshot(0, Buffer.from([4, 0, 0]));
    }
    for (let sent = 0; sent < 5; sent += 1) stream.takeUnsent(0);
    expect(stream.restart(0, 2, true)).toEqual({ userMessages: 0, records: 0 });
    const records: Buffer[] = [];
    while (stream.hasUnsent) records.push(stream.takeUnsent(0).body);
    expect(messagesIn(records)).toEqual(['3', '4', '5', '6']);
    expect([stream.first, stream.nextSequence]).toEqual([1, 5]);
  });

  it('counts what it drops when the peer has forgotten the session, and keeps what was never sent', () => {
    const stream = new OutgoingStream(100);
    append(stream, Buffer.from('sent'));
    append(stream, Buffer.alloc(250, 'x'));
    append(stream, Buffer.from('unsent'));
    stream.close(0);
    stream.takeUnsent(0);
    stream.takeUnsent(0);
    // The large message was cut by the drop: the rest of it goes too.
    expect(stream.restart(0, 0, false)).toEqual({ userMessages: 2, records: 4 });
    expect(messagesIn([stream.takeUnsent(0).body])).toEqual(['unsent']);
  });

  it('drops what was held too long, whole messages only', () => {
    const stream = new OutgoingStream(100);
    stream.append(0, Buffer.from([1, 0, 0]), 3, Buffer.alloc(250, 'x'), 1, false);
    stream.append(900, Buffer.from([1, 0, 0]), 3, Buffer.from('young'), 1, false);
    stream.close(900);
    expect(stream.dropHeld(999, 1_000)).toBe(0);
    expect(stream.dropHeld(1_000, 1_000)).toBe(1);
    expect(stream.userMessages()).toBe(1);
  });
});

describe('IncomingStream', () => {
  let timers: { readonly nack: Timer; readonly gap: Timer };
  let stream: IncomingStream;

  beforeEach(() => {
    const { unicastNack: nack, unicastGap: gap } = new PeerTimers();
    timers = { nack, gap };
    stream = new IncomingStream(timing, () => 0.5, timers);
  });

  it('takes every record once and in order, however they come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 }), (arrivals) => {
        stream = new IncomingStream(timing, () => 0.5, timers);
        const taken: number[] = [];
        const all = [...arrivals, ...Array.from({ length: 40 }, (_, index) => index + 1)];
        for (const sequence of all) {
          if (!stream.receive(0, sequence, Buffer.from([sequence]))) continue;
          taken.push(sequence);
          for (let next = stream.take(0); next !== undefined; next = stream.take(0))
            taken.push(next[0] as number);
        }
        expect(taken).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
        expect([stream.next, stream.held]).toEqual([41, 0]);
        expect([timers.nack.isSet, timers.gap.isSet]).toEqual([false, false]);
      }),
    );
  });

  it('asks for what is missing after a while, and not for what it has asked for already', () => {
    const asked = (now: number): [number, number][] => {
      const writer = new ByteWriter(200);
      stream.writeMissing(now, writer, 10, 100);
      const reader = new ByteReader(writer.written());
      const ranges: [number, number][] = [];
      while (reader.remaining > 0) ranges.push([reader.u48(), reader.u16()]);
      return ranges;
    };
    stream.receive(0, 1, Buffer.alloc(1));
    expect(timers.nack.at).toBe(Infinity);
    stream.receive(10, 4, Buffer.alloc(1));
    stream.receive(10, 6, Buffer.alloc(1));
    expect(timers.nack.at).toBe(12);
    expect(asked(12)).toEqual([
      [2, 2],
      [5, 1],
    ]);
    expect(timers.nack.at).toBe(22);
    stream.receive(13, 8, Buffer.alloc(1));
    expect(timers.nack.at).toBe(15);
    expect(asked(15)).toEqual([[7, 1]]);
    expect(asked(22)).toEqual([
      [2, 2],
      [5, 1],
      [7, 1],
    ]);
  });

  it('waits longer before it asks again, the more it has asked for', () => {
    stream = new IncomingStream({ ...timing, retryRecordMs: 0.1 }, () => 0.5, timers);
    stream.receive(0, 202, Buffer.alloc(1));
    expect(stream.writeMissing(2, new ByteWriter(200), 10, 256)).toBe(201);
    expect(timers.nack.at).toBeCloseTo(2 + 10 + 20.1);
  });

  it.each([
    ['doubled when less than half of it has come', 3, 20],
    ['that begins anew when half of it has come', 4, 10],
  ])('asks again after an interval %s', (_which, came, intervalMs) => {
    stream.receive(0, 9, Buffer.alloc(1));
    const ask = (now: number): number => stream.writeMissing(now, new ByteWriter(200), 10, 100);
    expect(ask(2)).toBe(8);
    for (let sequence = 1; sequence <= came; sequence += 1) stream.receive(5, sequence, Buffer.alloc(1));
    expect(ask(12)).toBe(8 - came);
    expect(timers.nack.at).toBe(12 + intervalMs);
  });

  it('refuses records that are too far ahead, and asks for them when their turn has come', () => {
    expect(stream.receive(0, 513, Buffer.alloc(1))).toBe(false);
    expect(stream.held).toBe(0);
    expect(stream.receive(0, 512, Buffer.alloc(7))).toBe(false);
    expect([stream.held, stream.heldBytes]).toEqual([1, 7]);
    expect(stream.receive(0, 512, Buffer.alloc(7))).toBe(false);
    expect(stream.heldBytes).toBe(7);
    for (let number = 1; number < 512; number += 1) stream.receive(1, number, Buffer.alloc(1));
    expect(stream.take(1)).toHaveLength(7);
    expect([stream.held, stream.heldBytes]).toEqual([0, 0]);
  });
});

describe('Fragments', () => {
  it('never joins what does not belong together', () => {
    const fragments = new Fragments();
    expect(fragments.add(0, 0, Buffer.from('a'), 100, none)).toBeNull();
    // The sender gave up this message and went on with the end of another.
    expect(fragments.add(1, 2, Buffer.from('z'), 100, none)).toBeNull();
    expect(fragments.add(0, 0, Buffer.from('b'), 100, none)).toBeNull();
    expect(fragments.add(1, 1, Buffer.from('c'), 100, none)?.toString()).toBe('bc');
  });

  it('drops a message beyond the limit, and says so', () => {
    const fragments = new Fragments();
    let told = 0;
    fragments.add(0, 0, Buffer.alloc(60), 100, () => (told += 1));
    expect(fragments.add(0, 1, Buffer.alloc(60), 100, () => (told += 1))).toBeNull();
    expect(fragments.add(1, 2, Buffer.alloc(1), 100, () => (told += 1))).toBeNull();
    expect([told, fragments.bytes]).toEqual([1, 0]);
  });
});
