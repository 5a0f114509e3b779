/** What a frame takes besides its bytes. */
const FRAME_BYTES = 256;

interface Frame {
  readonly payload: Buffer;
  readonly isBinary: boolean;
}

/**
 * Frames that were already read when reading was paused, in order. With plain frames there is one (FrameReader). With
 * compressed frames there are two: the second was being inflated (Inflation). Where ws reads plain frames, there are
 * all frames of one chunk of the socket (64 KiB), and the message that began before the chunk. The frames are views,
 * and were already charged to the client's rate.
 */
export class Inbox {
  readonly #frames: Frame[] = [];
  /** How many were handed out. (Moving the rest each time would be quadratic work.) */
  #taken = 0;
  #isDraining = false;
  #bytes = 0;

  /** Memory of all frames here. A chunk of the socket stays in memory until its last frame was handed out. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#taken === this.#frames.length;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  add(payload: Buffer, isBinary: boolean): void {
    const isOfSameRead = this.#frames.at(-1)?.payload.buffer === payload.buffer;
    this.#bytes += FRAME_BYTES + (isOfSameRead ? 0 : payload.buffer.byteLength);
    this.#frames.push({ payload, isBinary });
  }

  /** Hands out the frames one by one until `take` returns false: that frame stays. */
  drain(take: (payload: Buffer, isBinary: boolean) => boolean): void {
    this.#isDraining = true;
    while (!this.isEmpty) {
      const { payload, isBinary } = this.#frames[this.#taken] as Frame;
      if (!take(payload, isBinary)) break;
      this.#taken++;
    }
    this.#isDraining = false;
  }
}
