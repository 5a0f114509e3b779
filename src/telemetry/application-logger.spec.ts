import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ApplicationLogger } from './application-logger.js';

const node = { name: 'alpha', nodeId: '0123456789abcdef01234567' };

describe('ApplicationLogger', () => {
  let written: string[];

  beforeEach(() => {
    written = [];
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  });

  afterEach(() => {
    jest.restoreAllMocks();
    for (const output of [process.stdout, process.stderr]) output.isTTY = false;
  });

  /** As if both outputs were a terminal. */
  function onTerminal(hasColors: boolean): void {
    for (const output of [process.stdout, process.stderr]) {
      output.isTTY = true;
      output.hasColors = () => hasColors;
    }
  }

  it('says which node speaks, to people', () => {
    new ApplicationLogger({ LOG_LEVEL: 'log', LOG_FORMAT: 'pretty' }, node).log('hello', 'Test');
    expect(written.join('')).toMatch(/^\[alpha 01234567\] \d+ .* LOG \[Test\] hello\n$/);
  });

  it('says which node speaks, to machines', () => {
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
});
