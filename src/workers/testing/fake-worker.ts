import { EventEmitter } from 'node:events';
import type { Environment } from '../../config/variables.js';
import type { Order, Report } from '../messages.js';
import type { Forked } from '../worker-process.js';

let pids = 0;

/** A worker without a process: what it was told, and what it does next as the test says. */
export class FakeWorker extends EventEmitter implements Forked {
  readonly signals: string[] = [];
  readonly orders: Order[] = [];
  isChannelOpen = true;
  readonly process: { pid: number | undefined; kill(signal: NodeJS.Signals): boolean } = {
    pid: (pids += 1),
    kill: (signal) => {
      this.signals.push(signal);
      return true;
    },
  };

  constructor(readonly env: Environment = {}) {
    super();
  }

  isConnected(): boolean {
    return this.isChannelOpen;
  }

  send(order: Order): boolean {
    this.orders.push(order);
    return true;
  }

  says(report: Report): void {
    this.emit('message', report);
  }

  ends(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.emit('exit', code, signal);
  }
}
