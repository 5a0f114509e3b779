import { registerAs } from '@nestjs/config';
import { z } from 'zod';
import { list, Variables, type Problem } from '../config/variables.js';

const text = () => z.string().optional();

export const natsVariables = new Variables(
  {
    NATS_URL: list()
      .default([])
      .describe(
        '`nats://host:4222`, or `tls://host:4222`; comma-separated: servers of one NATS cluster, of which any will do. Needed with CLUSTER_BUS=nats',
      ),
    NATS_USER: text().describe('who this node is to NATS, with NATS_PASSWORD'),
    NATS_PASSWORD: text().describe('secret: the password of NATS_USER'),
    NATS_TOKEN: text().describe('secret: instead of a user and a password'),
    NATS_CREDS: text().describe('instead of both, the file with the JWT and seed of a user (`.creds`)'),
    NATS_CA: text().describe(
      "file with the certificates (PEM) that sign those of the servers; empty: the system's. Set: no server without TLS is spoken to",
    ),
  },
  (values, { env }) => {
    const { NATS_URL: urls = [], NATS_USER: user, NATS_PASSWORD: password } = values;
    const problems = urls.flatMap(judgeUrl);
    if (env['CLUSTER_BUS'] === 'nats' && urls.length === 0) {
      problems.push({
        variable: 'NATS_URL',
        message: 'must be set with CLUSTER_BUS=nats: nats://host:4222',
      });
    }
    if (user === undefined && password !== undefined) {
      problems.push({ variable: 'NATS_PASSWORD', message: 'is of no use without NATS_USER' });
    }
    const ways = (['NATS_USER', 'NATS_TOKEN', 'NATS_CREDS'] as const).filter(
      (name) => values[name] !== undefined,
    );
    if (ways.length > 1) {
      problems.push({ variable: ways.at(-1) as string, message: `excludes ${ways[0]}: set one of them` });
    }
    return problems;
  },
);

export const natsConfig = registerAs('nats', () => natsVariables.parse(process.env));

/** The values of the variables. */
export type NatsSettings = ReturnType<typeof natsVariables.parse>;

/** Never tells the URL: somebody may have put a password into it. */
function judgeUrl(url: string, index: number): Problem[] {
  const problem = (message: string): Problem[] => [
    { variable: 'NATS_URL', message: `server ${index + 1} ${message}` },
  ];
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['nats:', 'tls:'].includes(parsed.protocol) || parsed.hostname === '') {
    return problem('is not nats://host:port or tls://host:port');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    return problem('must not hold a user: NATS_USER and NATS_PASSWORD, or NATS_TOKEN, are for that');
  }
  return [];
}
