import type { Message } from '../../wire/message.js';
import type { Device } from '../device.js';

/** A device that keeps what is delivered to it, and how it is closed. */
export class FakeDevice implements Device {
  readonly connectedAt = 1000;
  readonly address = '127.0.0.1';
  readonly params = {};
  readonly claims = {};
  readonly received: Message[] = [];
  accepts = true;
  isClosed = false;

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

  get(): undefined {}

  set(): void {}

  send(): boolean {
    return this.accepts;
  }

  close(): void {
    this.isClosed = true;
  }
}
