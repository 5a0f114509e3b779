interface Frame {
  readonly payload: Buffer;
  readonly isBinary: boolean;
}

/**
 * Frames that were read already when reading was paused, in order. Of plain frames that is one (FrameReader), of
 * compressed ones two, the one that was being inflated too (Inflation). Where ws reads plain ones it is what was in one
 * chunk of the socket (64 KiB), and the message that began before: views of them, whose rate was judged before.
 */
export class Inbox {
  readonly #frames: Frame[] = [];
  /** How many of them were handed out. (To move those that are left each time would be quadratic work.) */
  #taken = 0;
  #isDraining = false;

  get isEmpty(): boolean {
    return this.#taken === this.#frames.length;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  add(payload: Buffer, isBinary: boolean): void {
    this.#frames.push({ payload, isBinary });
  }

  /** Hands out the frames one by one until `take` wants no more: false means that the frame stays. */
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
