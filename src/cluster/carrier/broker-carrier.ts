import { Logger } from '@nestjs/common';
import {
  BehaviorSubject,
  distinctUntilChanged,
  NEVER,
  Subject,
  type Observable,
  type Subscription,
} from 'rxjs';
import { subjectPart, type BrokerClient } from '../../broker/broker-client.js';
import {
  BrokerLink,
  LINK_TIMING,
  NOT_YET,
  type BrokerMessage,
  type LinkTiming,
} from '../../broker/broker-link.js';
import { LogBudget } from '../../telemetry/log-budget.js';
import {
  Carrier,
  type CarriedDatagram,
  type CarrierLimits,
  type CarrierTiming,
  type Seeds,
} from './carrier.js';
import { Echo, type EchoTiming } from './echo.js';

export interface BrokerTiming extends LinkTiming, EchoTiming, CarrierTiming {
  /** When nothing has come back for so long, another session is tried. */
  readonly renewMs: number;
}

export const BROKER_TIMING: BrokerTiming = {
  ...LINK_TIMING,
  echoMs: 1_000,
  firstEchoMs: 100,
  silentMs: 2_000,
  renewMs: 4_000,
  // A broker's failover takes 1 to 5 s, and the slowest node is back some seconds after the fastest.
  silentAfterMs: 5_000,
  deadAfterMs: 12_000,
};

/** Of a datagram: the sender's boot id, in clear (docs/cluster-protocol.md). */
const BOOT_ID_START = 4;
const BOOT_ID_END = 16;

/**
 * A broker's subjects in place of UDP: one for each node, and one for all. An endpoint is the subject of a node.
 *
 * That a connection stands proves little: a right may be missing, a subscription lost, the broker stopped. So datagrams
 * count as carried only while messages that this node sends to itself come back, on both subjects.
 */
export class BrokerCarrier extends Carrier {
  readonly mode = 'broadcast';
  readonly deafHelp: string;
  readonly seeds$: Observable<Seeds> = NEVER;
  /** A broker's message costs the same whatever its size. 32 KiB fit into what every broker takes. */
  readonly limits: CarrierLimits = {
    datagramBytes: 32_768,
    datagramBytesMax: 32_768,
    // Redis cuts a subscriber at 32 MiB, or at 8 MiB for a minute; NATS at 64 MiB.
    backlogBytes: 8 << 20,
  };
  override readonly timing: CarrierTiming;

  readonly #datagrams = new Subject<CarriedDatagram>();
  readonly #outage: BehaviorSubject<string | null>;
  readonly #subscriptions: Subscription[] = [];
  readonly #link: BrokerLink;
  readonly #prefix: string;
  readonly #own: string;
  readonly #all: string;
  readonly #logger: Logger;
  readonly #warnings: LogBudget;
  /** Of the session with the broker; undefined: there is none. */
  #echo: Echo | undefined;

  readonly datagrams$: Observable<CarriedDatagram> = this.#datagrams.asObservable();
  readonly outage$: Observable<string | null>;

  /** @param bootId this node's identity, as in its datagrams */
  constructor(
    private readonly client: BrokerClient,
    clusterName: string,
    bootId: Buffer,
    private readonly times = BROKER_TIMING,
  ) {
    super();
    const { silentAfterMs, deadAfterMs } = times;
    this.timing = { silentAfterMs, deadAfterMs };
    const cluster = `lf.${subjectPart(clusterName)}`;
    this.#prefix = `${cluster}.n.`;
    this.#own = `${this.#prefix}${bootId.toString('hex')}`;
    this.#all = `${cluster}.all`;
    this.#link = new BrokerLink(client, [this.#own, this.#all], times);
    this.deafHelp = `${client.broker} does not send back what is published to ${this.#all}`;
    this.#logger = new Logger(client.broker);
    this.#warnings = new LogBudget(this.#logger);
    this.#outage = new BehaviorSubject<string | null>(this.#describe(NOT_YET));
    this.outage$ = this.#outage.pipe(distinctUntilChanged());
  }

  override get dropped(): number {
    return this.#link.dropped;
  }

  async open(): Promise<void> {
    this.#subscriptions.push(
      this.#link.messages$.subscribe((message) => this.#receive(message)),
      this.#link.state$.subscribe(({ why }) => {
        if (why === null) this.#begin();
        else this.#end(why);
      }),
    );
    await this.#link.open();
  }

  async close(): Promise<void> {
    this.#echo?.stop();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await this.#link.close();
    this.#datagrams.complete();
    this.#outage.complete();
  }

  send(endpoint: string, bytes: Buffer): void {
    if (this.#isUp) this.#link.publish(endpoint, bytes);
  }

  toAll(bytes: Buffer): void {
    if (this.#isUp) this.#link.publish(this.#all, bytes);
  }

  get #isUp(): boolean {
    return this.#outage.value === null;
  }

  #receive({ subject, bytes }: BrokerMessage): void {
    if (Echo.isOne(bytes)) {
      this.#echo?.hear(subject, bytes);
    } else if (bytes.length >= BOOT_ID_END) {
      const source = this.#prefix + bytes.toString('hex', BOOT_ID_START, BOOT_ID_END);
      this.#datagrams.next({ bytes, source, arrival: subject === this.#all ? 'shared' : 'own' });
    }
  }

  /** A session has begun. It carries nothing until its first messages have come back. */
  #begin(): void {
    this.#echo = new Echo(
      [this.#own, this.#all],
      this.times,
      (subject, bytes) => this.#link.publish(subject, bytes),
      {
        carried: () => {
          this.#outage.next(null);
          this.#logger.log(`Datagrams are carried by ${this.client.broker} at ${this.#link.server}`);
        },
        silent: (subject, ms) => {
          const { complaint } = this.#link;
          const because = complaint === null ? '' : ` (${complaint})`;
          const why = `what is published to ${subject} does not come back${because}`;
          if (ms >= this.times.renewMs) this.#link.renew(why);
          else this.#lose(why);
        },
      },
    );
    this.#echo.start();
  }

  #end(why: string): void {
    this.#echo?.stop();
    this.#echo = undefined;
    this.#lose(why);
  }

  #lose(why: string): void {
    const outage = this.#describe(why);
    if (outage === this.#outage.value) return;
    this.#outage.next(outage);
    this.#warnings.warn('outage', outage);
  }

  #describe(why: string): string {
    const { broker, servers } = this.client;
    return `Nothing is carried between the nodes: ${broker} at ${servers}: ${why}`;
  }
}
