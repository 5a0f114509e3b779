import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { decodeJwt } from 'jose';
import { nodeEnvironment } from './support/environment.js';

const SECRET = 'a secret of more than thirty-two bytes';

/** `lanfare …` to its end. */
function lanfare(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/commands/lanfare.js', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ENV_FILE: '/dev/null', ...nodeEnvironment, ...env },
  });
  return { status, stdout, stderr };
}

describe.each(['doctor', 'config:check', 'token'])('lanfare %s', (command) => {
  it('--help says how it is used, whatever the environment is', () => {
    expect(lanfare([command, '--help'], { PORT: 'eighty' })).toEqual({
      status: 0,
      stdout: expect.stringMatching(new RegExp(`^usage: lanfare ${command} .*Exit code: 0`, 's')),
      stderr: '',
    });
  });

  it.each(['--nonsense', 'nonsense'])('%s ends with 2 and a sentence', (argument) => {
    expect(lanfare([command, argument])).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(
        new RegExp(`^[A-Z][^.\\n]*nonsense[^.\\n]*\\n\\nusage: lanfare ${command} `),
      ),
    });
  });

  it('with a bad environment ends with 1, and names the variable', () => {
    const { status, stderr } = lanfare([command, ...(command === 'token' ? ['--sub', '1'] : [])], {
      PORT: 'eighty',
    });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^PORT: /m) });
  });
});

describe('npm run bench', () => {
  it.each([
    [['--nonsense'], "Unknown option '--nonsense'"],
    [['--peers', 'nonsense'], 'There is no "nonsense"'],
  ])('%j ends with 2 and a sentence', (args, sentence) => {
    const { status, stderr } = spawnSync(process.execPath, ['bench/run.js', ...args], { encoding: 'utf8' });
    expect([status, stderr.startsWith(sentence)]).toEqual([2, true]);
    expect(stderr).toContain('npm run bench -- [options]');
    expect(stderr).not.toContain('    at ');
  });
});

describe('lanfare doctor', () => {
  it.each([
    ['--seconds', 'soon'],
    ['--seconds', '0'],
    ['--hosts', '1.5'],
  ])('refuses %s %s', (option, value) => {
    const { status, stderr } = lanfare(['doctor', option, value]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(`^${option} must be a whole number`)]);
  });
});

describe('lanfare config:check', () => {
  it('says how many processes `auto` is here, and what several may take together', () => {
    const { status, stdout } = lanfare(['config:check'], { WORKERS: 'auto' });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^WORKERS=auto: [1-9]\d* here\.$/m)]);
    const three = lanfare(['config:check'], { WORKERS: '3' });
    expect(three.stdout).toMatch(/^Limits are each worker's own\. Together they allow .*JavaScript heap/m);
    expect(lanfare(['config:check']).stdout).not.toMatch(/here\.$|Together/m);
  });
});

describe('lanfare token', () => {
  it.each([
    [['--ttl', '1h'], '--sub must be'],
    [['--sub', ''], '--sub must be'],
    [['--sub'], "Option '--sub <value>' argument missing"],
    [['--sub', '1', '--ttl', 'soon'], '--ttl soon is no time span'],
    [['--sub', '1', '--claims', 'role=admin'], '--claims role=admin is no JSON object'],
    [['--sub', '1', '--claims', '["admin"]'], '--claims .+ is no JSON object'],
  ])('refuses %j', (args, sentence) => {
    const { status, stderr } = lanfare(['token', ...args]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(`^${sentence}`)]);
  });

  it('makes one of that user, of that length', () => {
    const env = {
      AUTH_MODE: 'jwt',
      AUTH_JWT_SECRET: SECRET,
      AUTH_JWT_ISSUER: 'us',
      AUTH_JWT_AUDIENCE: 'you',
    };
    const { status, stdout } = lanfare(['token', '--sub', 'ann', '--ttl', '90s'], env);
    const { iat = 0, exp = 0, ...claims } = decodeJwt(stdout.trim());
    expect([status, claims, exp - iat]).toEqual([0, { sub: 'ann', iss: 'us', aud: 'you' }, 90]);
  });

  it('has claims besides, and none of them takes the place of its own', () => {
    const args = ['token', '--sub', 'ann', '--claims', '{"role":"admin","sub":"bob","exp":1}'];
    const { stdout } = lanfare(args, { AUTH_MODE: 'jwt', AUTH_JWT_SECRET: SECRET });
    const { iat = 0, exp = 0, ...claims } = decodeJwt(stdout.trim());
    expect([claims, exp - iat]).toEqual([{ sub: 'ann', role: 'admin' }, 3_600]);
  });

  it('ends with 1 where there is no secret to sign with', () => {
    const { status, stderr } = lanfare(['token', '--sub', '1']);
    expect([status, stderr]).toEqual([1, expect.stringContaining('AUTH_JWT_SECRET is not set')]);
  });
});
