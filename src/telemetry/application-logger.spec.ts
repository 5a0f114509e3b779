import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ApplicationLogger } from './application-logger.js';

const node = { name: 'alpha', nodeId: '0123456789abcdef01234567' };

describe('ApplicationLogger', () => {
  let written: string[];

  beforeEach(() => {
    written = [];
    for (const output of [process.stdout, process.stderr]) {
      jest.spyOn(output, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    }
  });

  afterEach(() => {
    jest.restoreAllMocks();
    for (const output of [process.stdout, process.stderr]) output.isTTY = false;
  });

  /** Makes both outputs look like a terminal. */
  function onTerminal(hasColors: boolean): void {
    for (const output of [process.stdout, process.stderr]) {
      output.isTTY = true;
      output.hasColors = () => hasColors;
    }
  }

  it('names the node in lines for people', () => {
    new ApplicationLogger({ LOG_LEVEL: 'log', LOG_FORMAT: 'pretty' }, node).log('hello', 'Test');
    expect(written.join('')).toMatch(/^\[alpha 01234567\] \d+ .* LOG \[Test\] hello\n$/);
  });

  it('names the node in lines for machines', () => {
    new ApplicationLogger({ LOG_LEVEL: 'log', LOG_FORMAT: 'json' }, node).log('hello', 'Test');
    expect(JSON.parse(written.join(''))).toMatchObject({
      message: 'hello',
      context: 'Test',
      node_name: 'alpha',
      node_id: node.nodeId,
    });
  });

  it.each([
    ['a terminal', () => onTerminal(true), true],
    ['a terminal without colours (NO_COLOR)', () => onTerminal(false), false],
    ['a file', () => Object.assign(process.stdout, { isTTY: undefined }), false],
  ])('writes to %s as it can be read there', (_, prepare, isColoured) => {
    prepare();
    new ApplicationLogger({ LOG_LEVEL: 'log', LOG_FORMAT: 'pretty' }, node).log('hello');
    expect(written.join('').includes('\x1b')).toBe(isColoured);
  });

  it('writes five of the requests that failed in Nest, with the place of the failure, and no line of their own text', () => {
    const logger = new ApplicationLogger({ LOG_LEVEL: 'log', LOG_FORMAT: 'pretty' }, node);
    for (let request = 0; request < 100; request++) {
      logger.error(new Error('no such order\n[alpha 01234567] LOG forged'), 'ExceptionsHandler');
    }
    const lines = written.join('').split('\n');
    expect(
      lines.filter((line) => line.includes('ERROR [ExceptionsHandler] Error: "no such order')),
    ).toHaveLength(5);
    expect(lines.filter((line) => line.startsWith('[alpha 01234567] LOG forged'))).toEqual([]);
    expect(lines[1]).toMatch(/^ {4}at .*application-logger\.spec/);
  });

  it('writes every error that is no request', () => {
    const logger = new ApplicationLogger({ LOG_LEVEL: 'log', LOG_FORMAT: 'pretty' }, node);
    for (let error = 0; error < 100; error++) logger.error('not ready', 'Lanfare');
    expect(written).toHaveLength(100);
  });
});
