import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import {
  environmentFiles,
  misspelled,
  readEnvironment,
  suspicions,
  validateEnvironment,
} from './environment.js';
import { ConfigurationError, flag, integer, list, port, secrets, Variables } from './variables.js';

const variables = new Variables(
  {
    PORT: port().default(8866),
    NAMES: list().default([]),
    VERBOSE: flag().default(false),
    LIMIT: integer(1, 9).optional(),
  },
  ({ PORT: value }, { production }) =>
    production && value === 80 ? [{ variable: 'PORT', message: 'not in production' }] : [],
);

describe('Variables', () => {
  it('gives defaults for what is not set, and for what is empty', () => {
    expect(variables.parse({ PORT: '', VERBOSE: '' })).toEqual({
      PORT: 8866,
      NAMES: [],
      VERBOSE: false,
      LIMIT: undefined,
    });
  });

  it('reads numbers, flags and lists', () => {
    expect(variables.parse({ PORT: '80', NAMES: ' a,,b ', VERBOSE: 'true', LIMIT: '9' })).toEqual({
      PORT: 80,
      NAMES: ['a', 'b'],
      VERBOSE: true,
      LIMIT: 9,
    });
  });

  it.each(['1e3', '0x10', '-1', '65536', ' 80', '80 ', '8.0', 'eighty'])('refuses %j as a port', (text) => {
    expect(variables.problems({ PORT: text })).toEqual([{ variable: 'PORT', message: expect.any(String) }]);
  });

  it.each(['yes', '1', 'TRUE'])('refuses %j as a flag', (text) => {
    expect(variables.problems({ VERBOSE: text })).toMatchObject([{ variable: 'VERBOSE' }]);
  });

  it('names every bad variable, rules between variables included', () => {
    const env = { NODE_ENV: 'production', PORT: '80', VERBOSE: 'maybe', LIMIT: '10' };
    expect(variables.problems(env).map(({ variable }) => variable)).toEqual(['VERBOSE', 'LIMIT', 'PORT']);
    expect(() => variables.parse(env)).toThrow(ConfigurationError);
  });
});

describe('secrets', () => {
  const keys = new Variables({ KEY: secrets(8).default([]) });

  it.each([
    ['', []],
    ['12345678', ['12345678']],
    [' first678 , second78,  third678', ['first678', 'second78', 'third678']],
    ['\u00e9\u00e9\u00e9\u00e9', ['\u00e9\u00e9\u00e9\u00e9']],
  ])('%j are %j', (text, expected) => {
    expect(keys.parse({ KEY: text })).toEqual({ KEY: expected });
  });

  it.each([
    ['short', 'must be at least 8 bytes long, and has 5'],
    ['first678,short', /: the 2nd part has only 5 bytes; a comma separates secrets$/],
    ['short,first678', /: the 1st part has only 5 bytes; a comma separates secrets$/],
    ['first678,', /: the 2nd part has only 0 bytes; /],
    ['first678,second78,short', /: the 3rd part has only 5 bytes; /],
    ['first678,second78,third678,fourth78', /^must be at most 3 secrets/],
  ])('%j are refused, and not quoted', (text, expected) => {
    const [problem, ...others] = keys.problems({ KEY: text });
    expect(problem?.message).toMatch(expected);
    expect(others).toEqual([]);
    expect(problem?.message).not.toContain('short');
    expect(problem?.message).not.toContain('first');
  });
});

describe('validateEnvironment', () => {
  it('collects the problems of all features in one error', () => {
    const other = new Variables({ MODE: z.enum(['a', 'b'], 'must be a or b') });
    expect(() => validateEnvironment([variables, other], { PORT: 'x', MODE: 'c' })).toThrow(
      /^PORT: must be a whole number in decimal digits\n(PORT: .*\n)?MODE: must be a or b$/,
    );
  });
});

describe('environmentFiles', () => {
  it('are .env.<NODE_ENV> and .env, if they exist', () => {
    expect(environmentFiles({})).toEqual(['.env']);
    expect(environmentFiles({ NODE_ENV: 'staging' })).toEqual(['.env']);
  });

  it('are ENV_FILE alone when it is set', () => {
    expect(environmentFiles({ NODE_ENV: 'staging', ENV_FILE: 'node.env' })).toEqual(['node.env']);
  });
});

describe('readEnvironment', () => {
  const known = ['PORT', 'SECRET', 'NAMES'];
  const folder = mkdtempSync(join(tmpdir(), 'lanfare-env-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** `env` with an environment file that has this text. */
  function withFile(text: string, env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const file = join(folder, 'node.env');
    writeFileSync(file, text);
    return { ...env, ENV_FILE: file };
  }

  it('adds what the file has, and keeps what the environment has', () => {
    const env = withFile('PORT=1\nSECRET=s\nOTHER=o\n', { PORT: '2' });
    expect(readEnvironment(env, known)).toEqual([]);
    expect(env).toMatchObject({ PORT: '2', SECRET: 's', OTHER: 'o' });
  });

  it('takes an empty value for unset, in the environment and in the file', () => {
    const env = withFile('PORT=\nSECRET=s\n', { SECRET: '', NAMES: '', OTHER: '' });
    readEnvironment(env, known);
    expect(env).toMatchObject({ SECRET: 's', OTHER: '' });
    expect(Object.keys(env)).not.toContain('PORT');
    expect(Object.keys(env)).not.toContain('NAMES');
  });

  it.each([
    ['missing', join(folder, 'missing'), 'there is no file'],
    ['a directory', folder, 'EISDIR'],
    ['below a file', '/dev/null/file', 'ENOTDIR'],
  ])('refuses an ENV_FILE that is %s', (_, file, why) => {
    expect(() => readEnvironment({ ENV_FILE: file }, known)).toThrow(ConfigurationError);
    expect(() => readEnvironment({ ENV_FILE: file }, known)).toThrow(new RegExp(`^ENV_FILE: .*${why}`));
  });

  it.each(['SECRET=half#of it', 'SECRET=#all of it', 'export SECRET=half#of', 'SECRET="quoted"#comment'])(
    'names a variable that a # cuts, and not its value: %s',
    (line) => {
      const problems = readEnvironment(withFile(`${line}\n`), known);
      expect(problems).toEqual([{ variable: 'SECRET', message: expect.stringContaining('cut at a #') }]);
      expect(JSON.stringify(problems)).not.toMatch(/half|all of|quoted/);
    },
  );

  it.each([
    ['SECRET="a#b"', 'a#b'],
    ["SECRET='a#b' # note#1", 'a#b'],
    ['SECRET=a # a comment#1', 'a'],
    ['#SECRET=x#y\nSECRET=a', 'a'],
    ['UNKNOWN=a#b\nSECRET=a', 'a'],
  ])('takes %j as it is written', (text, value) => {
    const env = withFile(`${text}\n`);
    expect(readEnvironment(env, known)).toEqual([]);
    expect(env['SECRET']).toBe(value);
  });
});

describe('suspicions', () => {
  it.each(['Production', 'PRODUCTION', 'prod', 'production ', 'porduction'])(
    'include NODE_ENV=%s',
    (mode) => {
      expect(suspicions([], { NODE_ENV: mode })).toEqual([expect.stringContaining('is not production')]);
    },
  );

  it.each([undefined, 'production', 'staging', 'development', 'test'])(
    'do not include NODE_ENV=%s',
    (mode) => {
      expect(suspicions([], { NODE_ENV: mode })).toEqual([]);
    },
  );

  it('include names one typo away from a variable', () => {
    expect(suspicions(['UDP_PORT'], { UPD_PORT: '1' })).toEqual([
      'UPD_PORT is not a variable of Lanfare: was UDP_PORT meant?',
    ]);
  });
});

describe('misspelled', () => {
  const known = ['UDP_PORT', 'CLUSTER_SECRET', 'HOST'];

  it.each([
    ['UPD_PORT', 'UDP_PORT'],
    ['UDP_PORTS', 'UDP_PORT'],
    ['UDP_PRT', 'UDP_PORT'],
    ['UDP_PORK', 'UDP_PORT'],
    ['udp_port', 'UDP_PORT'],
    ['CLUSTER_SECERT', 'CLUSTER_SECRET'],
  ])('finds that %s was meant to be %s', (written, meant) => {
    expect(misspelled(known, { [written]: '1' })).toEqual([[written, meant]]);
  });

  it.each(['UDP_PORT', 'HOME', 'UDP_MODE', 'CLUSTER_SECRETS_2', 'PATH'])('leaves %s alone', (name) => {
    expect(misspelled(known, { [name]: '1' })).toEqual([]);
  });
});
