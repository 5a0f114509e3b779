import type { Message } from '../../wire/message.js';
import type { SharedFrame } from '../../wire/shared-frame.js';
import type { Device } from '../device.js';

/** A device that keeps what is delivered to it, and how it is closed. */
export class FakeDevice implements Device {
  readonly connectedAt = 1000;
  readonly address = '127.0.0.1';
  readonly params = {};
  readonly claims = {};
  readonly received: Message[] = [];
  /** Text frames, in the order in which they came. */
  readonly frames: string[] = [];
  isEnveloped = true;
  accepts = true;
  flushes = 0;
  isClosed = false;
  backlogBytes = 0;
  isKicked = false;

  constructor(
    readonly id: string,
    readonly userId: string,
  ) {}

  deliver(message: Message): boolean {
    if (this.accepts) this.received.push(message);
    return this.accepts;
  }

  get isClosing(): boolean {
    return this.isClosed;
  }

  sendText(text: string): boolean {
    if (this.accepts) this.frames.push(text);
    return this.accepts;
  }

  deliverFrame({ payload }: SharedFrame): boolean {
    return this.sendText(payload.toString());
  }

  flush(): void {
    this.flushes++;
  }

  get(): undefined {}

  set(): void {}

  send(): boolean {
    return this.accepts;
  }

  close(): void {
    this.isClosed = true;
  }
}
