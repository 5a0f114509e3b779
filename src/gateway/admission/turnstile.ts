import type { Socket } from 'node:net';

/** A handshake takes some 0.2 ms. So those of a turn delay nobody for longer than 10 ms. */
const ENTERING_PER_TURN_MAX = 32;

/**
 * Lets so many upgrades in each turn of the event loop. When thousands of clients come back in one moment, the others wait
 * a few milliseconds for their messages, and not until the last one is in.
 */
export class Turnstile {
  readonly #waiting: (() => void)[] = [];
  #entered = 0;
  /** Something has entered in this turn, or waits. */
  #isTurning = false;

  /** Calls `enter` now or in one of the next turns, in order. Not if the socket has closed by then. */
  pass(socket: Socket, enter: () => void): void {
    if (!this.#isTurning) setImmediate(this.#nextTurn);
    this.#isTurning = true;
    if (this.#waiting.length === 0 && this.#entered < ENTERING_PER_TURN_MAX) {
      this.#entered++;
      enter();
      return;
    }
    socket.on('error', ignore); // a socket that waits may fail: its 'close' follows
    this.#waiting.push(() => {
      socket.off('error', ignore);
      if (!socket.destroyed) enter();
    });
  }

  readonly #nextTurn = (): void => {
    const entering = this.#waiting.splice(0, ENTERING_PER_TURN_MAX);
    this.#entered = entering.length;
    this.#isTurning = entering.length > 0;
    if (this.#isTurning) setImmediate(this.#nextTurn);
    for (const enter of entering) enter();
  };
}

function ignore(): void {}
