import type { Observable } from 'rxjs';
import type { Message } from '../../wire/message.js';
import type { GapKind, PEER_CHANGES, ProtocolStatistics } from '../protocol/contract.js';

/** What the rest of the cluster could say of one message. The sender's own node is not counted. */
export interface Receipt {
  /** Connections on other nodes into whose outgoing queue the message went. */
  readonly delivered: number;
  /** False when some node that may hold the user did not answer in time, or can't. */
  readonly complete: boolean;
}

/** Why a message was not taken: nothing was sent to any node. */
export type BusRefusal = 'too_large' | 'congested';

/** A message that arrived from another node. */
export interface InboundMessage extends Message {
  /** Present when the sender asked for a receipt; call it once, in the same turn, with the local count. */
  readonly acknowledge: ((delivered: number) => void) | null;
}

/** Something published by another node on an application channel. */
export interface Publication {
  readonly channel: string;
  readonly body: Buffer;
  readonly nodeId: string;
}

/** A question another node asks of all nodes. Call `answer` at most once. */
export interface Inquiry {
  readonly topic: string;
  readonly body: Buffer;
  readonly nodeId: string;
  readonly answer: (body: Buffer) => void;
}

/** The answers to a question, and the nodes that did not answer within its time. */
export interface Answers {
  readonly answers: readonly { readonly nodeId: string; readonly body: Buffer }[];
  readonly missing: readonly string[];
  /** False when a node is missing, or when this bus cannot know which nodes there are. */
  readonly complete: boolean;
}

export interface PeerView {
  readonly nodeId: string;
  readonly name: string;
  readonly address: string;
  /** pending: met, not yet known well enough to promise anything; up; silent: no sign of life for a while. */
  readonly state: 'pending' | 'up' | 'silent';
  readonly version: string;
  readonly roundTripMs: number | null;
  /** Share of the peer's datagrams that had to be repaired lately, 0..1. */
  readonly loss: number;
  readonly uptimeMs: number;
}

export interface PeerChange {
  readonly change: (typeof PEER_CHANGES)[number];
  readonly peer: PeerView;
  readonly reason: string;
}

/** Something that could not be repaired: messages of this peer may be missing here, or ours there. */
export interface Gap {
  readonly nodeId: string;
  readonly kind: GapKind;
  /** How many records or messages it concerns, where that is known. */
  readonly count: number | null;
  readonly reason: string;
}

export interface BusHealth {
  /** True once the node can serve: the cluster view has settled and nothing says that it is deaf. */
  readonly ready: boolean;
  /** What stands against it, for people. Empty when ready. */
  readonly problems: readonly string[];
}

/** What the protocol counts. Counters only grow; the rest are gauges. */
export type BusStatistics = ProtocolStatistics;

/**
 * The port through which nodes speak to each other. An adapter moves messages between nodes; it does not know
 * connections or clients.
 *
 * Order: what this node sends to one user arrives at each node in that order. Streams are hot, never error,
 * and complete when the bus stops.
 */
export abstract class Bus {
  /** This node's identity for its lifetime: random per process start. */
  abstract readonly nodeId: string;

  abstract readonly messages$: Observable<InboundMessage>;
  abstract readonly publications$: Observable<Publication>;
  abstract readonly inquiries$: Observable<Inquiry>;
  abstract readonly peerChanges$: Observable<PeerChange>;
  abstract readonly gaps$: Observable<Gap>;
  /** True while senders should be slowed down: queues towards living peers are full. Replays the current state. */
  abstract readonly congested$: Observable<boolean>;

  /** Resolves when the node may serve clients. Rejects when the bus cannot work at all (socket, address). */
  abstract start(): Promise<void>;
  /** Says good-bye to the peers and closes. What was queued has been handed to the network. */
  abstract stop(): Promise<void>;

  /**
   * One more connection of this user is on this node. `reachable` is called once, at once or later, when every
   * other node is known to route to it, or after a bound of milliseconds with those that are not (reported as a gap).
   */
  abstract join(userId: string, reachable: () => void): void;
  /** One connection fewer. Calls to `join` and `leave` of a user are counted and must balance. */
  abstract leave(userId: string): void;

  /**
   * Sends to every other node that holds the user, or may. `receipt` is called once, within a second; never when
   * the message was refused. A refusal means that it went nowhere.
   */
  abstract send(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null;

  /** To all other nodes, in order. False when it was refused because queues are full or the body is too large. */
  abstract publish(channel: string, body: Buffer): boolean;
  /** Asks all other nodes. Resolves when all have answered, or after `timeoutMs` with those that did. */
  abstract inquire(topic: string, body: Buffer, timeoutMs: number): Promise<Answers>;

  abstract peers(): PeerView[];
  abstract health(): BusHealth;

  /** Read when metrics are scraped. Null: this bus counts nothing. */
  statistics(): BusStatistics | null {
    return null;
  }
}
