import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MalformedDatagramError } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';

const field = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffffffff }) }),
  fc.record({ kind: fc.constant('u48' as const), value: fc.integer({ min: 0, max: 2 ** 48 - 1 }) }),
  fc.record({
    kind: fc.constant('text' as const),
    value: fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => text.isWellFormed()),
  }),
);

type Field = typeof field extends fc.Arbitrary<infer T> ? T : never;

function write(writer: ByteWriter, one: Field): void {
  if (one.kind === 'text') writer.text(one.value);
  else writer[one.kind](one.value);
}

const read = (reader: ByteReader, { kind }: Field): number | string => reader[kind]();

describe('ByteReader and ByteWriter', () => {
  it('read back what was written, to the last byte', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
        const writer = new ByteWriter(8_192);
        for (const one of fields) write(writer, one);
        const reader = new ByteReader(Buffer.from(writer.written()));
        expect(fields.map((one) => read(reader, one))).toEqual(fields.map(({ value }) => value));
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  it('call every truncation malformed', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 8 }), (fields) => {
        const writer = new ByteWriter(8_192);
        for (const one of fields) write(writer, one);
        const bytes = Buffer.from(writer.written());
        for (let length = 0; length < bytes.length; length += 1) {
          const reader = new ByteReader(bytes.subarray(0, length));
          expect(() => fields.forEach((one) => read(reader, one))).toThrow(MalformedDatagramError);
        }
      }),
    );
  });

  it('never write past the end, and cut a text between characters', () => {
    const writer = new ByteWriter(8);
    writer.text('äöüäöü');
    expect(new ByteReader(writer.written()).text()).toBe('äöü');
    expect(() => new ByteWriter(3).u32(1)).toThrow('outside buffer bounds');
    expect(() => new ByteWriter(3).raw(Buffer.alloc(4))).toThrow('do not fit');
  });

  it('widen one datagram, and not the next', () => {
    const writer = new ByteWriter(4, 8);
    writer.widen(8).raw(Buffer.alloc(8));
    expect(writer.written()).toHaveLength(8);
    writer.clear();
    expect(writer.free).toBe(4);
    expect(() => writer.raw(Buffer.alloc(5))).toThrow('do not fit');
    expect(() => writer.u48(1).written()).toThrow('a datagram keeps to its capacity');
    expect(() => writer.widen(9)).toThrow('no more bytes than the largest');
  });
});
