/** The limits on records in flight and in queues: the window of each sender, our own broadcast window, the queues. */
import type { ClusterNodeOptions, Limits } from '../options.js';
import type { Members } from '../peers/members.js';
import type { OutgoingStream } from '../streams/outgoing-stream.js';

/** The kernel holds a frame, and so many bytes about it, in a block of a power of two, and charges 256 bytes more. */
const KERNEL_BLOCK_BYTES_MIN = 2_048;
const KERNEL_HEADERS_BYTES = 400;
const KERNEL_OVERHEAD_BYTES = 256;
/** Half of the buffer is granted to senders. The rest is for datagrams that no window limits. */
const PROMISED_SHARE = 1 / 2;

export class FlowControl {
  /** The members among whom everything is divided, as of the last time that their number changed. */
  #sharers = -1;
  #receiveWindow = 0;
  #queueBytes = 0;

  constructor(
    private readonly options: ClusterNodeOptions,
    private readonly limits: Limits,
    private readonly recordBytes: number,
    private readonly members: Members,
  ) {}

  /** What we grant each sender, so that all together do not overrun our buffers. */
  get receiveWindow(): number {
    this.#divide();
    return this.#receiveWindow;
  }

  /** The smallest broadcast window: of our limit, of our own echo, and of the peers that are no laggards. */
  get broadcastWindow(): number {
    let window = Math.min(this.limits.broadcastWindowRecords, this.#echoWindow);
    for (const { outgoing } of this.members.all) {
      if (outgoing.isOpen && !outgoing.windowStanding.isLaggard) window = Math.min(window, outgoing.window);
    }
    return window;
  }

  /** How full the queue towards a peer is. 1 means full. */
  fill({ bytes, records }: OutgoingStream): number {
    this.#divide();
    return Math.max(bytes / this.#queueBytes, records / this.limits.unicastQueueRecords);
  }

  /** Whether it has no room for a message of so many bytes. */
  isFull(stream: OutgoingStream, bytes: number): boolean {
    this.#divide();
    return (
      stream.bytes + bytes > this.#queueBytes ||
      stream.records + bytes / this.recordBytes >= this.limits.unicastQueueRecords
    );
  }

  /** Whether it has no room for receipts and answers either, which may take twice as much. */
  isOverfull({ bytes, records }: OutgoingStream): boolean {
    this.#divide();
    return bytes > 2 * this.#queueBytes || records > 2 * this.limits.unicastQueueRecords;
  }

  /**
   * How many of our own broadcast records may be unacked. In broadcast mode they also come back to our own socket, and
   * must leave room there for the records of peers. So the limit is half of the window that each peer is granted.
   */
  get #echoWindow(): number {
    const { limits, options } = this;
    if (options.mode === 'mesh') return limits.broadcastWindowRecords;
    return Math.max(limits.windowRecordsMin, Math.floor(this.receiveWindow / 2));
  }

  /** Every message and every ack needs the shares. They change only with the number of members. */
  #divide(): void {
    if (this.members.size === this.#sharers) return;
    this.#sharers = this.members.size;
    this.#receiveWindow = this.#receiveWindowOfEach();
    this.#queueBytes = this.#queueBytesOfEach();
  }

  #receiveWindowOfEach(): number {
    const { limits, options, members } = this;
    const records = (options.receiveBufferBytes * PROMISED_SHARE) / kernelBytesOf(options.datagramBytes);
    // In mesh mode both streams of a sender come to one socket.
    const streams = Math.max(1, members.size) * (options.mode === 'mesh' ? 2 : 1);
    const share = Math.floor(records / streams);
    return Math.min(limits.broadcastWindowRecords, Math.max(limits.windowRecordsMin, share));
  }

  /** What may be queued towards each peer. */
  #queueBytesOfEach(): number {
    const { limits, members, options } = this;
    const share = Math.max(limits.unicastQueuesBytes / members.size, 2 * options.messageBytesMax);
    return Math.min(limits.unicastQueueBytes, share);
  }
}

/** What the kernel charges a receive buffer for a datagram of one frame: 2,304 bytes for one of 1,200 [measured]. */
function kernelBytesOf(datagramBytes: number): number {
  const block = 2 ** Math.ceil(Math.log2(datagramBytes + KERNEL_HEADERS_BYTES));
  return Math.max(KERNEL_BLOCK_BYTES_MIN, block) + KERNEL_OVERHEAD_BYTES;
}
