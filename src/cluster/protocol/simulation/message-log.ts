/**
 * Every message that was sent, and where it has arrived. On arrival it must be what was sent: accepted, unchanged, in
 * order, for the first time, and from a boot that lived in the receiver's lifetime.
 */
import type { SendResult } from '../contract.js';
import type { Boot } from './timeline.js';
import { Violation } from './violation.js';

export type Way = 'certain' | 'volatile frame' | 'volatile broadcast' | 'volatile record';

interface EntryFacts {
  readonly id: number;
  readonly sender: Boot;
  readonly to: string;
  readonly from: string | null;
  readonly data: Buffer;
  /** Volatile messages have an order of their own for each way: in frames to one node, in frames to all, and in records. */
  readonly way: Way;
  readonly at: number;
  readonly token: number;
  readonly result: SendResult;
}

interface Receipt {
  readonly delivered: number;
  readonly complete: boolean;
}

/** A message that was sent, and what became of it. */
export class Entry implements EntryFacts {
  readonly id: number;
  readonly sender: Boot;
  readonly to: string;
  readonly from: string | null;
  readonly data: Buffer;
  readonly way: Way;
  readonly at: number;
  readonly token: number;
  readonly result: SendResult;
  /** The boots to which it has come. */
  readonly reached = new Set<number>();
  #isBroadcast = false;
  #acknowledged = 0;
  #receipt: Receipt | null = null;

  constructor(facts: EntryFacts) {
    this.id = facts.id;
    this.sender = facts.sender;
    this.to = facts.to;
    this.from = facts.from;
    this.data = facts.data;
    this.way = facts.way;
    this.at = facts.at;
    this.token = facts.token;
    this.result = facts.result;
  }

  /** Several nodes get it by one broadcast: the sender does not count who misses it, the receiver does. */
  get isBroadcast(): boolean {
    return this.#isBroadcast;
  }

  /** To how many devices it went, as the applications that it reached counted. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  get receipt(): Receipt | null {
    return this.#receipt;
  }

  noteBroadcast(): void {
    this.#isBroadcast = true;
  }

  acknowledge(devices: number): void {
    this.#acknowledged += devices;
  }

  settle(receipt: Receipt): void {
    this.#receipt = receipt;
  }
}

/** The length of the prefix of every body, which names the entry. */
export const BODY_BYTES_MIN = 4;
/** In place of an address. Addresses are not empty. */
export const PUBLICATION = '';

export class MessageLog {
  readonly #entries: Entry[] = [];
  readonly #lastByPath = new Map<string, number>();

  get nextId(): number {
    return this.#entries.length;
  }

  entry(id: number): Entry | undefined {
    return this.#entries[id];
  }

  enter(
    sender: Boot,
    to: string,
    from: string | null,
    data: Buffer,
    way: Way,
    token: number,
    result: SendResult,
    at: number,
  ): Entry {
    const id = this.#entries.length;
    if (data.readUInt32LE(0) !== id) throw new RangeError('the body does not name its entry');
    const entry = new Entry({ id, sender, to, from, data, way, at, token, result });
    this.#entries.push(entry);
    return entry;
  }

  /** A message or publication has come. Returns its entry. */
  arrived(receiver: Boot, peer: string, to: string, data: Buffer): Entry {
    const entry = data.length >= BODY_BYTES_MIN ? this.#entries[data.readUInt32LE(0)] : undefined;
    if (entry === undefined || !entry.data.equals(data)) {
      throw new Violation(
        'integrity',
        `a body of ${data.length} B at #${receiver.index} that nobody sent so`,
      );
    }
    const { id, sender } = entry;
    if (sender.nodeId !== peer) throw new Violation('integrity', `#${id} came as if from ${peer}`);
    if (sender.cluster !== receiver.cluster) throw new Violation('secrecy', `#${id} crossed clusters`);
    if (!isAccepted(entry.result)) throw new Violation('refusals', `#${id} was refused and arrived`);
    if (sender.endedAt < receiver.bornAt) {
      throw new Violation('replay', `#${id} of #${sender.index}, dead before #${receiver.index} was born`);
    }
    if (entry.reached.has(receiver.index))
      throw new Violation('duplicates', `#${id} again at #${receiver.index}`);
    const path = `${sender.index}>${receiver.index}/${to}/${entry.way}`;
    const last = this.#lastByPath.get(path);
    if (last !== undefined && last > id) {
      throw new Violation('order', `#${id} after #${last} at #${receiver.index} (${path})`);
    }
    this.#lastByPath.set(path, id);
    entry.reached.add(receiver.index);
    return entry;
  }
}

export function isAccepted(result: SendResult): boolean {
  return result === 'queued' || result === 'none';
}
