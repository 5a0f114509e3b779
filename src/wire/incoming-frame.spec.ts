import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readAnyFrame, readFrame } from './incoming-frame.js';

const read = (text: string) => readFrame(Buffer.from(text));

/** Pieces that JSON text can be made of, and some that it can't be made of. */
const piece = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  ' ',
  '\t',
  '\n',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '\\udfff\\ud800',
  '\u007f',
  '"user_id"',
  '"data"',
  '"id"',
  '"event"',
  '"send"',
  '"message_id"',
  '"__proto__"',
  '"user\\u005fid"',
  '0',
  '-0',
  '02',
  '2',
  '-2',
  '1.0',
  '1e3',
  '1e400',
  '9007199254740993',
  '999999999999999',
  '1'.repeat(400),
  '"2"',
  '"haha"',
  '"é😀"',
  '""',
  'null',
  'true',
  'false',
  'nul',
  '\ufeff',
  '\u2028',
  'x'.repeat(129),
);

/** Frames that are almost plain: sometimes a part is replaced by something else. */
const almostPlain = fc
  .tuple(
    fc.constantFrom(
      '{"user_id":',
      '{ "user_id":',
      '{"user_id": ',
      '{"user_id" :',
      '{"event":"send","data":{"user_id":',
    ),
    fc.oneof(
      piece,
      fc.integer().map(String),
      fc.string().map((text) => JSON.stringify(text)),
    ),
    fc.constantFrom(',"data":', ', "data": ', ' ,"data":', ',"data"::', ''),
    fc.oneof(
      piece,
      fc.json(),
      fc.string().map((text) => `"${text}"`),
    ),
    fc.constantFrom('', ',"id":', ', "id": ', ',"id":1,"id":', ',"data":', ',"user_id":', ',"x":'),
    fc.oneof(
      piece,
      fc.string().map((text) => JSON.stringify(text)),
      fc.constant(''),
    ),
    fc.constantFrom('}', ' }', '}}', '}\n', '', ',}'),
  )
  .map((parts) => parts.join(''));

describe('a frame', () => {
  it('is read the same on the fast path as on the general one', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          almostPlain,
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (text) => {
          const frame = Buffer.from(text);
          expect(readFrame(frame)).toEqual(readAnyFrame(frame));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('of any bytes is read without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const frame = Buffer.from(bytes);
        expect(['bad', 'send', 'event']).toContain(readFrame(frame).kind);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['{"user_id":2,"data":"haha"}', '2', '"haha"'],
    ['{"user_id":"u","data":null}', 'u', 'null'],
    ['{"data":[1, 2.50],"user_id":1.0e1}', '10', '[1, 2.50]'],
    ['{"event":"send","data":{"data":{"a":1} ,"user_id":-7}}', '-7', '{"a":1}'],
    ['{"user_id":1,"user_id":2,"data":1,"data":2}', '2', '2'],
    ['{"user\\u005fid":2,"data":"\\ud800"}', '2', '"\\ud800"'],
    ['{"__proto__":{"user_id":3},"user_id":2,"data":{"__proto__":1}}', '2', '{"__proto__":1}'],
    [
      `{"user_id":2,"data":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      '2',
      `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    ],
    ['{"user_id":2,"data":1e999}', '2', '1e999'],
    ['{"user_id":2.0,"data":1}', '2', '1'],
    ['{"user_id":20e-1,"data":1}', '2', '1'],
    ['{"user_id":0e999,"data":1}', '0', '1'],
    [`{"user_id":1.${'0'.repeat(60_000)},"data":1}`, '1', '1'],
    [' {"user_id" : 2 , "data" : "x" } ', '2', '"x"'],
  ])('%#: sends the text as it was written', (text, to, data) => {
    expect(read(text)).toMatchObject({
      kind: 'send',
      id: null,
      to,
      data: Buffer.from(data),
      messageId: null,
    });
  });

  it.each([
    ['{"user_id":2,"data":1}', false],
    ['{"user_id":2,"data":1,"volatile":false,"message_id":"m"}', false],
    ['{"user_id":2,"data":1,"volatile":true}', true],
    ['{"event":"send","data":{"user_id":2,"data":1,"volatile":true,"message_id":null}}', true],
    ['{"event":"send","volatile":true,"data":{"user_id":2,"data":1}}', false],
  ])('%s: volatile is %s', (text, isVolatile) => {
    expect(read(text)).toMatchObject({ kind: 'send', isVolatile });
  });

  it.each([
    ['', 'bad_json'],
    ['haha', 'bad_json'],
    ['\ufeff{"user_id":2,"data":1}', 'bad_json'],
    ['{"user_id":2,"data":1}{}', 'bad_json'],
    ["{'user_id':2}", 'bad_json'],
    ['['.repeat(60_000), 'bad_json'],
    ['[]', 'bad_frame'],
    ['null', 'bad_frame'],
    ['2', 'bad_frame'],
    ['{}', 'bad_frame'],
    ['{"data":1}', 'bad_frame'],
    ['{"__proto__":{"user_id":2},"data":1}', 'bad_frame'],
    ['{"event":7}', 'bad_frame'],
    ['{"event":"send"}', 'bad_frame'],
    ['{"event":"send","data":[]}', 'bad_frame'],
    ['{"user_id":2,"data":1,"id":null}', 'bad_id'],
    ['{"user_id":2,"data":1,"id":1.5}', 'bad_id'],
    [`{"user_id":2,"data":1,"id":"${'x'.repeat(65)}"}`, 'bad_id'],
    ['{"user_id":2,"data":1,"id":"\\ud800"}', 'bad_id'],
    ['{"user_id":2,"data":1,"id":9007199254740993}', 'bad_id'],
    ['{"user_id":null,"data":1}', 'bad_user_id'],
    ['{"user_id":"","data":1}', 'bad_user_id'],
    ['{"user_id":-0,"data":1}', 'bad_user_id'],
    ['{"user_id":1.5,"data":1}', 'bad_user_id'],
    ['{"user_id":1e400,"data":1}', 'bad_user_id'],
    ['{"user_id":9007199254740993,"data":1}', 'bad_user_id'],
    ['{"user_id":1.0000000000000000001,"data":1}', 'bad_user_id'],
    [`{"user_id":1.${'0'.repeat(60_000)}1,"data":1}`, 'bad_user_id'],
    ['{"user_id":"\\udc00","data":1}', 'bad_user_id'],
    [`{"user_id":"${'é'.repeat(65)}","data":1}`, 'bad_user_id'],
    ['{"user_id":2}', 'missing_data'],
    ['{"user_id":2,"data":1,"message_id":7}', 'bad_message_id'],
    ['{"user_id":2,"data":1,"message_id":""}', 'bad_message_id'],
    [`{"user_id":2,"data":1,"message_id":"${'x'.repeat(65)}"}`, 'bad_message_id'],
    ['{"user_id":2,"data":1,"volatile":null}', 'bad_frame'],
    ['{"user_id":2,"data":1,"volatile":true,"message_id":"m"}', 'bad_frame'],
  ])('%# is refused', (text, code) => {
    expect(read(text)).toEqual({ kind: 'bad', id: null, code });
  });

  it('that is refused keeps its id', () => {
    expect(read('{"user_id":"","data":1,"id":"a\\u0062"}')).toEqual({
      kind: 'bad',
      id: '"ab"',
      code: 'bad_user_id',
    });
  });
});
