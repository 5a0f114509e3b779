import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/**
 * How many doctors one list of a probe names: enough for the hosts that are checked together, and small in a
 * datagram.
 */
export const HEARS_MAX = 8;

const ids = z.array(z.string().max(64)).max(HEARS_MAX);

const probeSchema = z.object({
  lanfare_doctor: z.literal(2),
  id: z.string().max(64),
  host: z.string().max(255),
  cluster: z.string().max(64),
  at: z.number(),
  hears_broadcast: ids,
  hears_unicast: ids,
  proof: z.string().max(128),
  padding: z.string().optional(),
});

/**
 * What a doctor tells the others: who it is, and the ids of those that it hears in each way. So they see one-way
 * paths.
 */
export type Probe = Omit<z.infer<typeof probeSchema>, 'lanfare_doctor' | 'proof' | 'padding'>;

/** What was heard of another doctor. */
export interface HeardProbe extends Probe {
  /** True: the probe was made with one of our secrets. */
  readonly isOurs: boolean;
  readonly bytes: number;
}

/** The probe as a datagram, padded to `length` bytes: full-size probes show whether the network passes them. */
export function encodeProbe(probe: Probe, secret: string, length = 0): Buffer {
  const body = { lanfare_doctor: 2, ...probe, proof: prove(probe, secret).toString('base64'), padding: '' };
  const missing = length - Buffer.byteLength(JSON.stringify(body));
  return Buffer.from(JSON.stringify({ ...body, padding: ' '.repeat(Math.max(0, missing)) }));
}

/** Returns null when the datagram is no probe. */
export function decodeProbe(bytes: Buffer, secrets: readonly string[]): HeardProbe | null {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
  const parsed = probeSchema.safeParse(value);
  if (!parsed.success) return null;
  const { proof, id, host, cluster, at, hears_broadcast, hears_unicast } = parsed.data;
  const probe = { id, host, cluster, at, hears_broadcast, hears_unicast };
  const given = Buffer.from(proof, 'base64');
  const isOurs = secrets.some((secret) => {
    const right = prove(probe, secret);
    return right.length === given.length && timingSafeEqual(right, given);
  });
  return { ...probe, isOurs, bytes: bytes.length };
}

function prove({ id, at }: Probe, secret: string): Buffer {
  return createHmac('sha256', secret).update(`lanfare doctor ${id} ${at}`).digest();
}
