import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Cluster, ConnectionRegistry } from 'lanfare';
import { Subject, type Observable, type Subscription } from 'rxjs';

export interface AuditEntry {
  readonly at: string;
  readonly node: string;
  readonly what: string;
  readonly user: string | null;
}

/**
 * Who came and went, on every node: each node publishes what it sees on the module's own channel, sealed and in
 * order, so that any of them can show all of it.
 */
@Injectable()
export class AuditLog implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(AuditLog.name);
  readonly #entries = new Subject<AuditEntry>();
  readonly #subscriptions: Subscription[] = [];

  /** Entries of all nodes, from the subscription on: the stream is hot. */
  readonly entries$: Observable<AuditEntry> = this.#entries.asObservable();

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly cluster: Cluster,
  ) {}

  onModuleInit(): void {
    const channel = this.cluster.channel<AuditEntry>('audit');
    this.#subscriptions.push(
      channel.messages$.subscribe(({ data }) => this.#entries.next(data)),
      this.connections.changes$.subscribe(({ change, connection }) => {
        const entry = this.#entry(`connection ${change}`, connection.userId);
        this.#entries.next(entry);
        // only refused while queues are full; an audit that must have every entry keeps it and tries again
        if (!channel.publish(entry)) this.#logger.warn('An audit entry stayed on this node: queues are full');
      }),
      // an audit must also show which deliveries could not be promised
      this.cluster.gaps$.subscribe(({ nodeId, reason }) =>
        this.#entries.next(this.#entry(`not certain with ${nodeId}: ${reason}`, null)),
      ),
    );
  }

  onModuleDestroy(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #entry(what: string, user: string | null): AuditEntry {
    return { at: new Date().toISOString(), node: this.cluster.nodeId, what, user };
  }
}
