import { describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { readAnyFrame } from './incoming-frame.js';
import { elementsOf, membersOf } from './json-members.js';

/** JSON, and texts that are almost JSON: a character added, dropped or changed, blanks, and odd spellings. */
const spelled = fc.oneof(
  fc.json({ maxDepth: 4 }),
  // strings are read in words from some length on
  fc
    .tuple(fc.nat(300), fc.constantFrom('', '\\n', '\\u00e9', '\\x', '\t', '"', 'é'), fc.nat(300))
    .map(([before, what, after]) => `["${'x'.repeat(before)}${what}${'y'.repeat(after)}",1]`),
  fc.constantFrom(
    '-0',
    '1.',
    '.5',
    '01',
    '-',
    '1e5',
    '1E+05',
    '1e',
    '0.10',
    '"\\u00e9"',
    '"\\u00g9"',
    '"\\x"',
    '"\t"',
    '{"a":1,}',
    '{,}',
    '[1,]',
    '[,1]',
    '[}',
    '{]',
    '{"a"}',
    '{1:2}',
    ' [ 1 , { "b" : [ ] } ] ',
    'nullx',
    'tru',
    '\u00a01',
  ),
);
const almostJson = fc
  .tuple(
    spelled,
    fc.nat(),
    fc.constantFrom('', '{', '}', '[', ']', ',', ':', '"', '\\', '0', '-', 'e', '.', ' ', '\n', 'n'),
    fc.nat(1),
  )
  .map(([text, position, insertion, removed]) => {
    const at = position % (text.length + 1);
    return text.slice(0, at) + insertion + text.slice(at + removed);
  });

/** What JSON.parse says of the same text. */
function judge(text: string): 'no json' | 'no object' | 'object' {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? 'object' : 'no object';
  } catch {
    return 'no json';
  }
}

/** Shapes that a client may send, each of about `size` bytes. */
const SHAPES: Readonly<Record<string, (size: number) => string>> = {
  members: (size) => `{${repeat(size, (i) => `"m${i}":1`)}}`,
  'escaped names': (size) => `{${repeat(size, (i) => `"\\u0075ser_id${i}":1`)}}`,
  'one name': (size) => `{${repeat(size, () => '"user_id":1')}}`,
  'members that are sent': (size) => `{"event":"send","data":{${repeat(size, (i) => `"m${i}":1`)}}}`,
  'nested arrays': (size) => `{"user_id":1,"data":${'['.repeat(size / 2)}${']'.repeat(size / 2)}}`,
  'nested objects': (size) => `{"user_id":1,"data":${'{"a":'.repeat(size / 6)}1${'}'.repeat(size / 6)}}`,
  'arrays that never end': (size) => '['.repeat(size),
  'a string that never ends': (size) => `{"a":"${'\\"'.repeat(size / 2)}`,
  'a number': (size) => `{"user_id":1.${'0'.repeat(size)}1,"data":1}`,
  blanks: (size) => `{${' '.repeat(size)}"user_id":1}`,
  'an event nobody handles': (size) => `{"event":"x","data":[${repeat(size, () => '{}')}]}`,
};

function repeat(size: number, part: (index: number) => string): string {
  const parts: string[] = [];
  for (let length = 0; length < size; length += (parts.at(-1) as string).length + 1)
    parts.push(part(parts.length));
  return parts.join();
}

/** How often bytes of `text` are read, one by one or by a call, and how many calls are made. */
function workOf(text: string): { looks: number; calls: number } {
  const work = { looks: 0, calls: 0 };
  const watch = (bytes: Buffer): Buffer =>
    new Proxy(bytes, {
      get: (_, key) => {
        if (typeof key === 'string' && /^\d+$/.test(key)) {
          work.looks++;
          return bytes[Number(key)];
        }
        const value: unknown = Reflect.get(bytes, key, bytes);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          work.calls++;
          const result: unknown = value.apply(bytes, args);
          if (key === 'subarray') return watch(result as Buffer);
          work.looks += bytes.length;
          return result;
        };
      },
    });
  const parse = jest.spyOn(JSON, 'parse');
  try {
    readAnyFrame(watch(Buffer.from(text)));
    work.calls += parse.mock.calls.length;
  } finally {
    parse.mockRestore();
  }
  return work;
}

describe('membersOf', () => {
  it('accepts the same texts as JSON.parse', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          almostJson,
          almostJson.map((text) => `{"data":${text}}`),
        ),
        (text) => {
          const members = membersOf(Buffer.from(text), ['data']);
          expect({ text, is: typeof members === 'string' ? members : 'object' }).toEqual({
            text,
            is: judge(text),
          });
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('returns the member that JSON.parse returns, as it was written', () => {
    const name = fc.constantFrom(
      '"a"',
      '"\\u0061"',
      '"A"',
      '"b"',
      '"ab"',
      '""',
      '"\\u0062"',
      '"\\u00612"',
      '"__proto__"',
    );
    const value = fc.oneof(fc.json(), fc.constantFrom('1.0', ' 2', '"\\u0061"'));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
        const text = `{${pairs.map((pair) => pair.join(': ')).join(' ,')}}`;
        const members = membersOf(Buffer.from(text), ['a', 'b']);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        for (const wanted of ['a', 'b'] as const) {
          const written = typeof members === 'string' ? members : members.get(wanted)?.toString();
          expect(written === undefined ? undefined : JSON.parse(written)).toEqual(
            Object.hasOwn(parsed, wanted) ? parsed[wanted] : undefined,
          );
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe('elementsOf', () => {
  it('returns each element as it was written', () => {
    const texts = (json: string) => elementsOf(Buffer.from(json)).map(String);
    expect(texts(' [ 1.0 , "a,]\\"" , [2,[3]], {"b":[]} ] ')).toEqual([
      '1.0',
      '"a,]\\""',
      '[2,[3]]',
      '{"b":[]}',
    ]);
    expect(texts('[]')).toEqual([]);
  });
});

describe('the work of reading a frame', () => {
  it.each(Object.entries(SHAPES))('grows with its length only: %s', (_, shape) => {
    const small = workOf(shape(6_000));
    const large = workOf(shape(12_000));
    expect(large.looks).toBeLessThan(2.2 * small.looks);
    expect(large.looks).toBeLessThan(12 * 12_000);
    expect(large.calls).toBeLessThan(12);
  });
});
