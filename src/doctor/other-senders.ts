import { nodeCipherSuite } from '../cluster/bus/cipher-suites.js';
import { DATAGRAM_OVERHEAD_BYTES, keyTagOf, PROTOCOL_BYTE } from '../cluster/protocol/wire/datagram.js';
import { Keyring } from '../cluster/protocol/wire/sealing.js';
import { ok, warning, type Finding } from './finding.js';

/** How many senders are distinguished. */
const SENDERS_MAX = 1000;
/** How many addresses one line lists. */
const NAMED_MAX = 3;

/** Senders to the port that are no doctors: nodes of ours, nodes with another key, and foreign programs. */
export class OtherSenders {
  readonly #keyring: Keyring;
  readonly #kinds = new Map<string, 'node' | 'other-key' | 'program'>();

  constructor(clusterName: string, secrets: readonly string[]) {
    this.#keyring = new Keyring(
      nodeCipherSuite,
      clusterName,
      secrets.map((secret) => Buffer.from(secret)),
    );
  }

  note(bytes: Buffer, address: string, port: number): void {
    const sender = `${address}:${port}`;
    if (this.#kinds.has(sender) || this.#kinds.size >= SENDERS_MAX) return;
    if (bytes.length < DATAGRAM_OVERHEAD_BYTES || bytes[0] !== PROTOCOL_BYTE) {
      this.#kinds.set(sender, 'program');
    } else {
      const isOurs = this.#keyring.secretWithTag(keyTagOf(bytes)) >= 0;
      this.#kinds.set(sender, isOurs ? 'node' : 'other-key');
    }
  }

  /** Nodes with another secret or name. This explains more than any other finding. */
  get strangers(): Finding[] {
    const senders = this.#of('other-key');
    if (senders.length === 0) return [];
    const more = senders.length > NAMED_MAX ? ` and ${senders.length - NAMED_MAX} more` : '';
    return [
      warning(
        `datagrams sealed with another secret or for another CLUSTER_NAME are heard from ${senders.slice(0, NAMED_MAX).join(', ')}${more}. ` +
          'Nodes of this cluster? Then compare CLUSTER_SECRET and CLUSTER_NAME',
      ),
    ];
  }

  get others(): Finding[] {
    const [nodes, programs] = [this.#of('node').length, this.#of('program').length];
    return [
      ...(nodes > 0 ? [ok(`nodes with this name and secret: ${nodes}`)] : []),
      ...(programs > 0 ? [ok(`other programs on the port: ${programs}`)] : []),
    ];
  }

  #of(wanted: string): string[] {
    return [...this.#kinds].filter(([, kind]) => kind === wanted).map(([sender]) => sender);
  }
}
