import cluster from 'node:cluster';
import { ALIVE_EVERY_MS, isOrder, type Report } from './messages.js';
import { isWorker } from './workers.config.js';

interface Orders {
  /** Another worker has taken the place of this one. */
  readonly retire: () => void;
  /** The primary has gone, and the public port with it. */
  readonly lost: () => void;
}

/** A worker's side of the channel to its primary. */
export class PrimaryLink {
  private constructor(private readonly worker: NonNullable<typeof cluster.worker>) {}

  /** Null: this process is no worker. */
  static open({ retire, lost }: Orders): PrimaryLink | null {
    const { worker } = cluster;
    if (worker === undefined || !isWorker()) return null;
    const link = new PrimaryLink(worker);
    worker.on('disconnect', () => {
      worker.exitedAfterDisconnect = true; // otherwise Node ends the process at once, and all its clients with it
      lost();
    });
    worker.on('message', (message: unknown) => {
      if (isOrder(message)) retire();
    });
    worker.on('error', () => undefined); // a message could not be sent: `disconnect` says why
    link.tell({ lanfare: 'alive' });
    setInterval(() => link.tell({ lanfare: 'alive' }), ALIVE_EVERY_MS).unref();
    return link;
  }

  tell(report: Report): void {
    if (this.worker.isConnected()) this.worker.send(report);
  }
}
