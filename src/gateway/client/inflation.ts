import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { UNREAD } from './frame-reader.js';

type Done = (error: Error | null, inflated?: Buffer) => void;
type Decompress = (data: Buffer, fin: boolean, done: Done) => void;

/** What ws inflates frames with, if the client has compression. @types/ws does not have it. */
interface Compressing {
  readonly _extensions: { readonly 'permessage-deflate'?: { decompress: Decompress } };
}

/**
 * Holds back what a client with compression has sent, while its socket is paused. One chunk of the socket (64 KiB) may
 * hold 64 MiB of messages, and ws would inflate them all. ws inflates one after the other. So while the first is held
 * back, the rest of the chunk stays compressed.
 */
export class Inflation {
  #held: { readonly inflate: () => void; readonly done: Done } | null = null;

  /** Null: the client has no compression. */
  static attach(ws: WebSocket, socket: Socket): Inflation | null {
    const { _extensions: extensions } = ws as unknown as Compressing;
    const extension = extensions['permessage-deflate'];
    if (extension === undefined) return null;
    const inflation = new Inflation();
    const decompress = extension.decompress.bind(extension);
    extension.decompress = (data, fin, done) => {
      const inflate = () => decompress(data, fin, done);
      if (ws.isPaused) inflation.#held = { inflate, done };
      else inflate();
    };
    socket.prependListener('close', () => inflation.#end());
    socket.on('data', () => ws.emit(UNREAD));
    return inflation;
  }

  /** ws holds everything else, and it is counted there. */
  get heldBytes(): number {
    return 0;
  }

  /** `ws` was resumed. */
  resume(): void {
    const held = this.#held;
    this.#held = null;
    held?.inflate();
  }

  /** The socket has closed. Without this ws would wait for ever and never report the close. */
  #end(): void {
    const held = this.#held;
    this.#held = null;
    held?.done(new Error('the socket closed before this frame was inflated'));
  }
}
