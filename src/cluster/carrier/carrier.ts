import type { Observable } from 'rxjs';

/** A datagram as it arrived. */
export interface CarriedDatagram {
  /** Stays valid: nobody else writes into it. */
  readonly bytes: Buffer;
  /** Where an answer goes, as one comparable string: an address and port, or a broker's subject. */
  readonly source: string;
  /** `shared`: sent to all; `own`: sent to this node alone. */
  readonly arrival: 'shared' | 'own';
}

export interface Seeds {
  readonly endpoints: readonly string[];
  /** False: somebody is configured whose endpoint has never been known. */
  readonly areAllKnown: boolean;
}

export interface CarrierLimits {
  /** The largest datagram that may be sent, in bytes. */
  readonly datagramBytes: number;
  /** What may arrive unread before datagrams are lost, in bytes as the receiver's kernel or broker counts them. */
  readonly receiveBufferBytes: number;
}

/**
 * The port below the cluster protocol: moves sealed datagrams between nodes, and promises nothing. Datagrams may be
 * lost, doubled, reordered or come late; they arrive whole or not at all. The protocol does the rest (ProtocolBus).
 *
 * A carrier keeps nothing for later: what can't be sent now is dropped. Streams are hot and never error.
 */
export abstract class Carrier {
  /** How all nodes are reached: by one datagram, or by one for each peer that the protocol knows. */
  abstract readonly mode: 'broadcast' | 'mesh';
  abstract readonly datagrams$: Observable<CarriedDatagram>;
  /** False while nothing can arrive anywhere, as when a broker is away. Replays the current state. */
  abstract readonly isUp$: Observable<boolean>;
  /** Where to look for peers; only a mesh needs it. Replays the latest. */
  abstract readonly seeds$: Observable<Seeds>;

  /** What usually keeps a node from hearing what it sends to all, for people: the end of a sentence. */
  abstract readonly deafHelp: string;

  /** Known once it is open. */
  abstract readonly limits: CarrierLimits;

  /** @throws when it cannot work at all: a port that is taken, an address that is not this machine's */
  abstract open(): Promise<void>;
  /** Nothing is sent or received any more. */
  abstract close(): Promise<void>;
  /** To one node. The bytes must not be changed until the event loop has turned. Never throws on I/O. */
  abstract send(endpoint: string, bytes: Buffer): void;
  /** To all nodes, this one included where it can't be left out. Never throws on I/O. Not called in a mesh. */
  abstract toAll(bytes: Buffer): void;

  /** Nobody has been met, or all who were are gone: seeds are worth looking for more often. */
  seek(_isSeeking: boolean): void {}
}
