interface Frame {
  readonly payload: Buffer;
  readonly isBinary: boolean;
}

/**
 * Frames that were read already when reading was paused, in order. Of plain frames that is one (FrameReader);
 * where ws reads, no more than one chunk of the socket (64 KiB), whose rate was judged before.
 */
export class Inbox {
  #frames: Frame[] = [];
  #isDraining = false;

  get isEmpty(): boolean {
    return this.#frames.length === 0;
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
    let next = 0;
    for (; next < this.#frames.length; next++) {
      const { payload, isBinary } = this.#frames[next] as Frame;
      if (!take(payload, isBinary)) break;
    }
    this.#frames = this.#frames.slice(next);
    this.#isDraining = false;
  }
}
