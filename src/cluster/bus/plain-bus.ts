import { Logger } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { DEAF_HELP } from '../../udp-broadcast/deaf-help.js';
import type { UdpBroadcast } from '../../udp-broadcast/udp-broadcast.js';
import type { Datagram } from '../../udp-broadcast/datagram.js';
import type { Message, RoomMessage } from '../../wire/message.js';
import {
  NOTHING_COUNTED,
  type Address,
  type Answers,
  type BusHealth,
  type BusStatistics,
  type Holders,
  type PeerView,
  type Receipt,
} from './bus.js';
import { decodePlain, encodePlain, encodeProbe } from './plain-datagram.js';
import { StreamingBus } from './streaming-bus.js';

/** A node that has not heard its own first broadcast after this time reports that it is deaf. */
const OWN_BROADCAST_TIMEOUT_MS = 1000;

const DEAF = `This node does not hear its own broadcasts: ${DEAF_HELP}.`;

/**
 * The bus of the original, the Go program that Lanfare began with: every message is broadcast to every node as one JSON
 * datagram, and each node looks whether it holds the user. Nothing is acked, repaired or secret, so no receipt is ever
 * complete. The datagram has no room for message ids and traces.
 */
export class PlainBus extends StreamingBus {
  readonly #logger = new Logger(PlainBus.name);
  #subscription: Subscription | undefined;
  #hearsItself = false;
  #heardItself: (() => void) | undefined;
  readonly #counted = { datagramsSent: 0, datagramsReceived: 0, messagesSent: 0, messagesReceived: 0 };
  #malformed = 0;

  constructor(
    readonly nodeId: string,
    private readonly udp: UdpBroadcast,
  ) {
    super();
  }

  async start(): Promise<void> {
    this.#logger.warn(
      'CLUSTER_BUS=plain is INSECURE: anyone on the LAN can read, forge and replay messages. Use it only beside the original program',
    );
    this.#subscription = this.udp.datagrams$.subscribe((datagram) => this.#receive(datagram));
    await this.udp.open();
    if (this.udp.isMesh) {
      this.#hearsItself = true;
      return;
    }
    await this.#listenForItself();
  }

  async stop(): Promise<void> {
    this.#heardItself?.();
    this.#subscription?.unsubscribe();
    this.endStreams();
  }

  /** A message to a user goes to all nodes, whichever holds the user. A message to a room goes to no other node. */
  join({ kind }: Address, reachable: (complete: boolean) => void): void {
    reachable(kind === 'user');
  }

  leave(): void {}

  send(message: Message, receipt: ((receipt: Receipt) => void) | null): 'too_large' | null {
    const bytes = encodePlain(message, this.nodeId);
    if (bytes.length > this.udp.datagramBytes) return 'too_large';
    this.#broadcast(bytes);
    this.#counted.messagesSent++;
    receipt?.({ delivered: 0, complete: false });
    return null;
  }

  /** The original's nodes do not say whom they hold. */
  holders(): Holders {
    return { nodeIds: [], complete: false };
  }

  watch(): void {}
  unwatch(): void {}

  /** The original has no rooms, so only the members on this node get the message. */
  sendToRoom(_message: RoomMessage, receipt: ((receipt: Receipt) => void) | null): null {
    receipt?.({ delivered: 0, complete: false });
    return null;
  }

  /** The original has no channels. */
  publish(): boolean {
    return false;
  }

  publishToHolders(): readonly string[] {
    return [];
  }

  publishTo(): boolean {
    return false;
  }

  async ask(): Promise<Answers> {
    return { answers: [], missing: [], complete: false };
  }

  peers(): PeerView[] {
    return [];
  }

  override statistics(): BusStatistics {
    return {
      ...NOTHING_COUNTED,
      ...this.#counted,
      datagramsRejected: { ...NOTHING_COUNTED.datagramsRejected, malformed: this.#malformed },
    };
  }

  health(): BusHealth {
    return { ready: this.#hearsItself, problems: this.#hearsItself ? [] : [DEAF] };
  }

  #receive({ bytes }: Datagram): void {
    const datagram = decodePlain(bytes);
    this.#counted.datagramsReceived++;
    if (datagram === null) {
      this.#malformed++;
      return;
    }
    if (datagram.node === this.nodeId) {
      this.#hearsItself = true;
      this.#heardItself?.();
      return;
    }
    if (datagram.message === null) return;
    this.#counted.messagesReceived++;
    this.messages.next({ ...datagram.message, acknowledge: null });
  }

  #broadcast(bytes: Buffer): void {
    this.udp.broadcast(bytes);
    this.#counted.datagramsSent++;
  }

  async #listenForItself(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, OWN_BROADCAST_TIMEOUT_MS);
      this.#heardItself = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#broadcast(encodeProbe(this.nodeId));
    });
    if (!this.#hearsItself) this.#logger.error(`Not ready: ${DEAF}`);
  }
}
