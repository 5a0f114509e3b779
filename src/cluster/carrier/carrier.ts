import type { Observable } from 'rxjs';

/** A datagram as it arrived. */
export interface CarriedDatagram {
  /** Stays valid: nobody writes into it later. */
  readonly bytes: Buffer;
  /** Where an answer is sent, as one comparable string: an address and port, or a broker's subject. */
  readonly source: string;
  /** `shared`: sent to all; `own`: sent to this node alone. */
  readonly arrival: 'shared' | 'own';
}

export interface Seeds {
  readonly endpoints: readonly string[];
  /** False: a configured name has never had a known endpoint. */
  readonly areAllKnown: boolean;
}

export interface CarrierLimits {
  /** The largest datagram that surely arrives, in bytes. */
  readonly datagramBytes: number;
  /** The largest datagram that may be tried to a node. If it is the same size, no larger one is tried. */
  readonly datagramBytesMax: number;
  /**
   * How much may wait for this node to read it before datagrams are lost, in bytes as the kernel or broker counts them.
   * The protocol lets the peers have no more than a share of it in flight.
   */
  readonly backlogBytes: number;
}

/** How long a peer may say nothing on this carrier, in milliseconds. */
export interface CarrierTiming {
  /** Then it is asked for a sign of life. */
  readonly silentAfterMs: number;
  /** Then it is dead. */
  readonly deadAfterMs: number;
}

/**
 * The port below the cluster protocol. It moves sealed datagrams between nodes and promises nothing. Datagrams may be
 * lost, doubled, reordered or late; each arrives whole or not at all. The protocol does the rest (ProtocolBus).
 *
 * A carrier bounds what waits to be sent, and drops what is beyond that: a datagram that is late is of no use. Streams
 * are hot and never error.
 */
export abstract class Carrier {
  /** How all nodes are reached: `broadcast` by one datagram, `mesh` by one for each peer that the protocol knows. */
  abstract readonly mode: 'broadcast' | 'mesh';
  abstract readonly datagrams$: Observable<CarriedDatagram>;
  /**
   * Why nothing is carried, for instance because a broker is away; null: all is well. For people: it says what and where.
   * Replays the current state. The protocol judges no peer while nothing is carried.
   */
  abstract readonly outage$: Observable<string | null>;
  /** Where to look for peers; only a mesh needs it. Replays the latest. */
  abstract readonly seeds$: Observable<Seeds>;

  /** What usually keeps a node from hearing what it sends to all. For people, written as the end of a sentence. */
  abstract readonly deafHelp: string;

  /** Known once it is open. */
  abstract readonly limits: CarrierLimits;

  /** Undefined: as on a LAN. */
  readonly timing: CarrierTiming | undefined = undefined;

  /** Datagrams that were dropped because too many waited to be sent. */
  get dropped(): number {
    return 0;
  }

  /** @throws when it cannot work at all: a port that is taken, an address that is not this machine's */
  abstract open(): Promise<void>;
  /** Stops sending and receiving. */
  abstract close(): Promise<void>;
  /** Sends to one node. The bytes must not change until the next turn of the event loop. Never throws on I/O. */
  abstract send(endpoint: string, bytes: Buffer): void;
  /** Sends to all nodes, also to this one if it can't be left out. Never throws on I/O. Not called in a mesh. */
  abstract toAll(bytes: Buffer): void;

  /** True: no peer is known, so the carrier should look for seeds more often. */
  seek(_isSeeking: boolean): void {}
}
