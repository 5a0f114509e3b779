/** The clients against real servers that refuse something, or end a connection. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { ConfigurationError } from '../../config/variables.js';
import { BROKER_TIMING, BrokerCarrier } from './broker-carrier.js';
import type { BrokerClient } from '../../broker/broker-client.js';
import { NatsClient } from '../../broker/nats-client.js';
import { natsVariables } from '../../broker/nats.config.js';
import { RedisClient } from '../../broker/redis-client.js';
import { redisVariables } from '../../broker/redis.config.js';
import { BrokerProcess, freePort } from '../../broker/testing/broker-process.js';
import { NatsOperator } from '../../broker/testing/nats-operator.js';
import { redisCommand } from '../../broker/testing/redis-command.js';

Logger.overrideLogger(false);

const TIMING = { ...BROKER_TIMING, waitMaxMs: 100, echoMs: 100, silentMs: 400, renewMs: 800 };
const folder = mkdtempSync(join(tmpdir(), 'lanfare-certificates-'));
const brokers: BrokerProcess[] = [];
const carriers: BrokerCarrier[] = [];

const nats = (env: Record<string, string>): BrokerClient => new NatsClient(natsVariables.parse(env));
const redis = (env: Record<string, string>): BrokerClient => new RedisClient(redisVariables.parse(env));

async function run(program: 'nats-server' | 'redis-server', config: readonly string[] = [], port?: number) {
  const broker = await BrokerProcess.start(program, config, port);
  brokers.push(broker);
  return broker;
}

async function open(client: BrokerClient): Promise<BrokerCarrier> {
  const carrier = new BrokerCarrier(client, 'lanfare', Buffer.alloc(12, carriers.length + 1), TIMING);
  carriers.push(carrier);
  await carrier.open();
  return carrier;
}

const until = async (carrier: BrokerCarrier, isSo: (outage: string | null) => boolean) =>
  firstValueFrom(carrier.outage$.pipe(filter(isSo)));
const carried = async (carrier: BrokerCarrier) => until(carrier, (outage) => outage === null);
const away = async (carrier: BrokerCarrier) => until(carrier, (outage) => outage !== null);

/** The variables that a refused start names. */
async function refusal(client: BrokerClient): Promise<string[]> {
  const error: unknown = await open(client).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigurationError)) throw new Error(`not refused: ${String(error)}`);
  return error.problems.map(({ variable }) => variable);
}

/** A certificate for this name, its key, and what signs it: the certificate itself. */
function certificateFor(name: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ];
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { cert, key };
}

const missing = BrokerProcess.missing('nats-server', 'redis-server');

describe('clients of brokers', () => {
  if (missing.length > 0) {
    it.todo(`are not tested: ${missing.join(', ')} not installed`);
    return;
  }

  afterEach(async () => {
    await Promise.all(carriers.splice(0).map(async (carrier) => carrier.close()));
    await Promise.all(brokers.splice(0).map(async (broker) => broker.end()));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  describe('NATS', () => {
    it('ends the start when the password is wrong, and takes the right one', async () => {
      const { port } = await run('nats-server', ['authorization { user: ann, password: right }']);
      const env = { NATS_URL: `nats://127.0.0.1:${port}`, NATS_USER: 'ann' };
      expect(await refusal(nats({ ...env, NATS_PASSWORD: 'wrong' }))).toEqual(['NATS_USER']);
      await carried(await open(nats({ ...env, NATS_PASSWORD: 'right' })));
    });

    it('ends the start when the token is wrong, and takes the right one', async () => {
      const { port } = await run('nats-server', ['authorization { token: right }']);
      const env = { NATS_URL: `nats://127.0.0.1:${port}` };
      expect(await refusal(nats({ ...env, NATS_TOKEN: 'wrong' }))).toEqual(['NATS_TOKEN']);
      await carried(await open(nats({ ...env, NATS_TOKEN: 'right' })));
    });

    it.each([
      ['nothing of the kind', () => 'a secret that is no .creds file'],
      ['a cut seed', () => new NatsOperator().credsFor().replace(/^SU.*$/m, 'SUA-secret')],
    ])('ends the start when the .creds file holds %s, and shows nothing of it', async (_what, content) => {
      const file = join(folder, 'bad.creds');
      writeFileSync(file, content());
      const message = `${file} holds no JWT and seed of a user, as a .creds file does`;
      await expect(open(nats({ NATS_URL: 'nats://127.0.0.1:1', NATS_CREDS: file }))).rejects.toEqual(
        new ConfigurationError([{ variable: 'NATS_CREDS', message }]),
      );
    });

    it.each([
      ['publish', '.all'],
      ['subscribe', '.all'],
    ])('is not up without the right to %s, and says so', async (verb, subject) => {
      const other = verb === 'publish' ? 'subscribe' : 'publish';
      const rights = `${verb}: "lf.lanfare.n.>", ${other}: "lf.lanfare.>"`;
      const { port } = await run('nats-server', [
        `authorization { users: [{ user: ann, password: x, permissions: { ${rights} } }] }`,
      ]);
      const env = { NATS_URL: `nats://127.0.0.1:${port}`, NATS_USER: 'ann', NATS_PASSWORD: 'x' };
      const carrier = await open(nats(env));
      const outage = await until(carrier, (text) => text?.includes('does not come back') === true);
      expect(outage).toContain(`lf.lanfare${subject}`);
      expect(outage).toMatch(/permissions violation/i);
    });

    it('takes TLS of the right name only', async () => {
      const right = certificateFor('localhost');
      const wrong = certificateFor('elsewhere.test');
      const tls = ({ cert, key }: { cert: string; key: string }) => [
        `tls { cert_file: "${cert}", key_file: "${key}" }`,
      ];
      const [good, bad] = [await run('nats-server', tls(right)), await run('nats-server', tls(wrong))];
      await carried(await open(nats({ NATS_URL: `tls://localhost:${good.port}`, NATS_CA: right.cert })));
      expect(await refusal(nats({ NATS_URL: `tls://localhost:${bad.port}`, NATS_CA: wrong.cert }))).toEqual([
        'NATS_CA',
      ]);
      const plain = await run('nats-server');
      expect(await refusal(nats({ NATS_URL: `tls://localhost:${plain.port}` }))).toEqual(['NATS_URL']);
    });

    it('names a file that can not be read', async () => {
      const file = join(folder, 'nothing');
      expect(await refusal(nats({ NATS_URL: 'nats://a:1', NATS_CREDS: file }))).toEqual(['NATS_CREDS']);
      expect(await refusal(nats({ NATS_URL: 'nats://a:1', NATS_CA: file }))).toEqual(['NATS_CA']);
    });

    it('refuses a server that takes only small messages', async () => {
      const { port } = await run('nats-server', ['max_payload: 16384']);
      expect(await refusal(nats({ NATS_URL: `nats://127.0.0.1:${port}` }))).toEqual(['NATS_URL']);
    });

    describe('in a cluster of two servers', () => {
      let config: [string[], string[]];
      let ports: [number, number];

      const start = async (which: 0 | 1) => run('nats-server', config[which], ports[which]);
      const urlOf = (which: 0 | 1) => `nats://127.0.0.1:${ports[which]}`;
      /** Sends until the other hears it. */
      const passes = async (from: BrokerCarrier, to: BrokerCarrier): Promise<void> => {
        const repeat = setInterval(() => from.toAll(Buffer.alloc(40, 0xd1)), 20);
        await firstValueFrom(to.datagrams$);
        clearInterval(repeat);
      };

      beforeEach(async () => {
        ports = [await freePort(), await freePort()];
        const routes = [await freePort(), await freePort()];
        const of = (own = 0, other = 0): string[] => [
          `cluster { name: test, listen: "127.0.0.1:${own}", routes: ["nats://127.0.0.1:${other}"] }`,
        ];
        config = [of(routes[0], routes[1]), of(routes[1], routes[0])];
      });

      it('passes datagrams between them', async () => {
        await Promise.all([start(0), start(1)]);
        const [a, b] = [await open(nats({ NATS_URL: urlOf(0) })), await open(nats({ NATS_URL: urlOf(1) }))];
        await passes(a, b);
        await passes(b, a);
      });

      it.each([
        ['is shut down (lame duck)', 'SIGUSR2'],
        ['dies', 'SIGKILL'],
      ] as const)('goes to the other when its own %s', async (_how, signal) => {
        const second = await start(1);
        const carrier = await open(nats({ NATS_URL: `${urlOf(0)},${urlOf(1)}` }));
        await carried(carrier);
        await start(0);
        const isAway = away(carrier);
        second.signal(signal);
        await isAway;
        await carried(carrier);
        await second.kill();
        await passes(carrier, carrier);
      });
    });

    it('is back after it was cut as a slow consumer', async () => {
      const { port } = await run('nats-server', ['max_pending: 65536', 'max_payload: 65536']);
      const carrier = await open(nats({ NATS_URL: `nats://127.0.0.1:${port}` }));
      await carried(carrier);
      // Far more than the server keeps for a client comes back within one turn, in which nothing is read.
      for (let count = 0; count < 120; count += 1) carrier.toAll(Buffer.alloc(32_768, 0xd1));
      await away(carrier);
      await carried(carrier);
    });
  });

  describe('Redis', () => {
    it('ends the start when the password is wrong, and takes the right one', async () => {
      const { port } = await run('redis-server', ['requirepass right']);
      expect(await refusal(redis({ REDIS_URL: `redis://:wrong@127.0.0.1:${port}` }))).toEqual(['REDIS_URL']);
      expect(await refusal(redis({ REDIS_URL: `redis://127.0.0.1:${port}` }))).toEqual(['REDIS_URL']);
      await carried(await open(redis({ REDIS_URL: `redis://:right@127.0.0.1:${port}` })));
    });

    it('ends the start when there is no such database', async () => {
      const { port } = await run('redis-server');
      expect(await refusal(redis({ REDIS_URL: `redis://127.0.0.1:${port}/99` }))).toEqual(['REDIS_URL']);
    });

    it('needs the rights to its channels and to publish, and says which it lacks', async () => {
      const broker = await run('redis-server');
      const acl = (user: string, channels: string, commands: string) =>
        `ACL SETUSER ${user} on >x resetchannels ${channels} -@all +@connection ${commands}`;
      await redisCommand(
        broker,
        acl('all', '&lf.lanfare.*', '+publish +subscribe'),
        acl('mute', '&lf.lanfare.*', '+subscribe'),
        acl('astray', '&other.*', '+publish +subscribe'),
      );
      const as = (user: string) => redis({ REDIS_URL: `redis://${user}:x@127.0.0.1:${broker.port}` });
      await carried(await open(as('all')));
      expect(await refusal(as('astray'))).toEqual(['REDIS_URL']);
      const mute = await open(as('mute'));
      expect(await until(mute, (text) => text?.includes('does not come back') === true)).toContain('NOPERM');
    });

    it('takes TLS of the right name only', async () => {
      const right = certificateFor('localhost');
      const wrong = certificateFor('elsewhere.test');
      const tls = async ({ cert, key }: { cert: string; key: string }) => {
        const port = await freePort();
        const files = [`tls-cert-file ${cert}`, `tls-key-file ${key}`, 'tls-auth-clients no'];
        return run('redis-server', [`tls-port ${port}`, 'port 0', ...files], port);
      };
      const [good, bad] = [await tls(right), await tls(wrong)];
      await carried(
        await open(redis({ REDIS_URL: `rediss://localhost:${good.port}`, REDIS_CA: right.cert })),
      );
      expect(
        await refusal(redis({ REDIS_URL: `rediss://localhost:${bad.port}`, REDIS_CA: wrong.cert })),
      ).toEqual(['REDIS_CA']);
    });

    it('is back after its connection was killed', async () => {
      const broker = await run('redis-server');
      const carrier = await open(redis({ REDIS_URL: `redis://127.0.0.1:${broker.port}` }));
      await carried(carrier);
      const isAway = away(carrier);
      await redisCommand(broker, 'CLIENT KILL TYPE pubsub');
      await isAway;
      await carried(carrier);
    });

    it('is away while the server is paused, and back afterwards', async () => {
      const broker = await run('redis-server');
      const carrier = await open(redis({ REDIS_URL: `redis://127.0.0.1:${broker.port}` }));
      await carried(carrier);
      const isAway = away(carrier);
      await redisCommand(broker, 'CLIENT PAUSE 1000 ALL');
      await isAway;
      await carried(carrier);
    });

    it('is back after Redis cut it because too much waited for it', async () => {
      const broker = await run('redis-server', ['client-output-buffer-limit pubsub 64kb 64kb 1']);
      const carrier = await open(redis({ REDIS_URL: `redis://127.0.0.1:${broker.port}` }));
      await carried(carrier);
      const isAway = away(carrier);
      // All of it within one command, so that nothing can be read meanwhile.
      const publish = "redis.call('publish', 'lf.lanfare.all', string.rep('x', 32768))";
      await redisCommand(broker, `EVAL "for count = 1, 100 do ${publish} end" 0`);
      await isAway;
      await carried(carrier);
    });
  });
});
