/** What a piece takes besides its bytes. */
const PIECE_BYTES = 1024;

/** What ws' receiver keeps of a message that is not whole. @types/ws does not have it. */
export interface Receiver {
  /** Bytes of the frame that is being read, and in how many pieces they came. */
  readonly _bufferedBytes: number;
  readonly _buffers: readonly Buffer[];
  /** The frames that were read. */
  readonly _fragments: readonly Buffer[];
  /** What waits to be read, while a frame is being inflated. */
  readonly writableLength: number;
}

/**
 * Memory of the message that a client has begun to send. A fragment is a view: it keeps the whole chunk that the socket
 * read with it. Between small fragments a client may send much that is no message (pings). Each fragment is counted
 * once, not each time that somebody asks: a message may have thousands.
 */
export class UnfinishedMessage {
  #first: Buffer | undefined;
  #counted = 0;
  #fragmentBytes = 0;

  constructor(private readonly receiver: Receiver) {}

  get bytes(): number {
    const { _bufferedBytes: bytes, _buffers: pieces, _fragments: fragments, writableLength } = this.receiver;
    if (bytes === 0 && fragments.length === 0) return writableLength;
    this.#count(fragments);
    return bytes + pieces.length * PIECE_BYTES + this.#fragmentBytes + writableLength;
  }

  #count(fragments: readonly Buffer[]): void {
    if (fragments[0] !== this.#first || fragments.length < this.#counted) {
      this.#first = fragments[0];
      this.#counted = this.#fragmentBytes = 0;
    }
    for (; this.#counted < fragments.length; this.#counted++) {
      const read = fragments[this.#counted]?.buffer as ArrayBuffer;
      const isOfSameRead = fragments[this.#counted - 1]?.buffer === read;
      this.#fragmentBytes += PIECE_BYTES + (isOfSameRead ? 0 : read.byteLength);
    }
  }
}
