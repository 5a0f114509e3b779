import { NEVER, type Observable } from 'rxjs';
import type { BroadcastMessage, Message, RoomMessage } from '../../wire/message.js';

/**
 * What messages are for, and what a node holds: a user or a room, or that it watches who is in a room. A user and a room of
 * one name are two addresses.
 */
export interface Address {
  readonly kind: 'user' | 'room' | 'watch';
  /** 1 to 255 bytes of UTF-8. */
  readonly name: string;
}

/** What became of one message on the other nodes. The sender's own node is not counted. */
export interface Receipt {
  /** Connections on other nodes into whose outgoing queue the message went. */
  readonly delivered: number;
  /** False when some node that may hold the address did not answer in time, or can't. */
  readonly complete: boolean;
}

/** The other nodes that hold an address, as far as this node knows. */
export interface Holders {
  readonly nodeIds: readonly string[];
  /** False: other nodes may hold the address too, or one of these no longer does. */
  readonly complete: boolean;
}

/** The first other node begins to hold a watched address, or the last one holds it no more. */
export interface HoldersChange {
  readonly address: Address;
  readonly isHeld: boolean;
}

/** Why a message was refused. Nothing was sent to any node. */
export type BusRefusal = 'too_large' | 'congested';

/** A message that arrived from another node. */
export interface InboundMessage extends Message {
  /** Present when the sender asked for a receipt; call it once, in the same turn, with the local count. */
  readonly acknowledge: ((delivered: number) => void) | null;
}

/** A message to a room that arrived from another node. This node may have no member of the room any more. */
export interface InboundRoomMessage extends RoomMessage {
  /** Present when the sender asked for a receipt; call it once, within its 900 ms, with the local count. */
  readonly acknowledge: ((delivered: number) => void) | null;
}

/** A message to every connection that arrived from another node. */
export interface InboundBroadcast extends BroadcastMessage {
  /** As of `InboundRoomMessage`. */
  readonly acknowledge: ((delivered: number) => void) | null;
}

/** Something published by another node on an application channel. */
export interface Publication {
  readonly channel: string;
  readonly body: Buffer;
  readonly nodeId: string;
}

/** A question that another node asks all nodes. Call `answer` at most once. */
export interface Question {
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

/**
 * `pending`: met, but nothing can be promised yet; `up`; `silent`: no sign of life for a while.
 */
export const PEER_STATES = ['pending', 'up', 'silent'] as const;
export type PeerState = (typeof PEER_STATES)[number];

export interface PeerView {
  readonly nodeId: string;
  readonly name: string;
  readonly address: string;
  readonly state: PeerState;
  readonly version: string;
  readonly roundTripMs: number | null;
  /** Share of the peer's datagrams that had to be repaired lately, 0..1. */
  readonly loss: number;
  /** The largest datagram that is sent to it now; null: the bus does not say. */
  readonly datagramBytes: number | null;
  readonly uptimeMs: number;
}

/** What happened to a peer. `left`: it left the cluster; `lost`: it was given up; `rejoined`: it has a new session. */
export const PEER_CHANGES = ['joined', 'rejoined', 'left', 'lost'] as const;

export interface PeerChange {
  readonly change: (typeof PEER_CHANGES)[number];
  readonly peer: PeerView;
  readonly reason: string;
}

/** Why delivery was not certain; docs/guarantees.md says what each means. */
export const GAP_KINDS = ['gap', 'lost', 'incomplete', 'late', 'not-mutual'] as const;
export type GapKind = (typeof GAP_KINDS)[number];

/** Delivery was not certain: messages of this peer may be missing here, or ours may be missing there. */
export interface Gap {
  readonly nodeId: string;
  readonly kind: GapKind;
  /** How many records or messages are concerned, if that is known. */
  readonly count: number | null;
  readonly reason: string;
}

export interface BusHealth {
  /** True once the node can serve: the cluster view has settled, and the node is not deaf. */
  readonly ready: boolean;
  /** Why the node is not ready, for people. Empty when it is ready. */
  readonly problems: readonly string[];
}

/** Why a datagram was rejected. */
export const REJECTIONS = [
  'foreign',
  'forged',
  'left',
  'malformed',
  'other-key',
  'other-version',
  'replayed',
  'too-many-strangers',
] as const;

/** What a bus counts. Counters only grow. */
export interface BusStatistics {
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  /** Not sent, because too much waited for a broker already. */
  readonly datagramsDropped: number;
  readonly datagramsRejected: Readonly<Record<(typeof REJECTIONS)[number], number>>;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Messages to rooms that went to several nodes by one broadcast. */
  readonly roomBroadcasts: number;
  /** Volatile messages: copies sent to nodes; not sent, because much waited there; received; dropped as too late. */
  readonly volatileSent: number;
  readonly volatileDropped: number;
  readonly volatileReceived: number;
  readonly volatileLate: number;
  /** Records sent again because a peer missed them, and records that peers were asked to send again. */
  readonly recordsRepaired: number;
  readonly recordsRequested: number;
  /** Receipts and answers that were not sent, because the queue to the node that waits for them was full. */
  readonly answersDropped: number;
  readonly directoryHits: number;
  readonly directoryMisses: number;
  /** Gauge: nodes that are heard and can not be asked. While there are any, no answer is complete. */
  readonly peersHeard: number;
  /** Gauges: users and rooms that other nodes are known to hold, and what waits to be sent or acked. */
  readonly directoryEntries: number;
  readonly directoryBytes: number;
  readonly queuedBytes: number;
  readonly queuedRecords: number;
  /** Gauges: what came from other nodes and is not whole or in order yet, and what this node waits for from them. */
  readonly heldBytes: number;
  readonly receiptsWaiting: number;
  readonly answerBytes: number;
}

/** The statistics of a bus that counts nothing, or has not started. Other buses override what they count. */
export const NOTHING_COUNTED: BusStatistics = {
  datagramsSent: 0,
  datagramsReceived: 0,
  datagramsDropped: 0,
  datagramsRejected: Object.fromEntries(
    REJECTIONS.map((reason) => [reason, 0]),
  ) as BusStatistics['datagramsRejected'],
  messagesSent: 0,
  messagesReceived: 0,
  roomBroadcasts: 0,
  volatileSent: 0,
  volatileDropped: 0,
  volatileReceived: 0,
  volatileLate: 0,
  recordsRepaired: 0,
  recordsRequested: 0,
  answersDropped: 0,
  directoryHits: 0,
  directoryMisses: 0,
  peersHeard: 0,
  directoryEntries: 0,
  directoryBytes: 0,
  queuedBytes: 0,
  queuedRecords: 0,
  heldBytes: 0,
  receiptsWaiting: 0,
  answerBytes: 0,
};

/**
 * The port between nodes. An adapter moves messages between nodes; it does not know connections or clients.
 *
 * Order: what this node sends to one user or room arrives at each node in that order. Streams are hot, never error, and
 * complete when the bus stops.
 */
export abstract class Bus {
  /** This node's identity for its lifetime: random per process start. */
  abstract readonly nodeId: string;

  abstract readonly messages$: Observable<InboundMessage>;
  abstract readonly roomMessages$: Observable<InboundRoomMessage>;
  /** A bus that carries none has this. */
  readonly broadcasts$: Observable<InboundBroadcast> = NEVER;
  abstract readonly publications$: Observable<Publication>;
  abstract readonly questions$: Observable<Question>;
  abstract readonly peerChanges$: Observable<PeerChange>;
  abstract readonly gaps$: Observable<Gap>;
  /** Of watched addresses. */
  abstract readonly holdersChanges$: Observable<HoldersChange>;
  /** True while senders should wait: queues towards living peers are full. Replays the current state. */
  abstract readonly congested$: Observable<boolean>;

  /** Resolves when the node may serve clients. Rejects when the bus cannot work at all (socket, address). */
  abstract start(): Promise<void>;
  /** Leaves the cluster and closes. Everything in the queues has been given to the network by then. */
  abstract stop(): Promise<void>;

  /**
   * This node has one more connection of this user, or in this room. `reachable` is called once, at once or later: when
   * every other node is known to route to the address, or after a bounded time. In the second case it is not complete,
   * and the missing nodes are reported as a gap. It may come after the `leave`, and means nothing then.
   */
  abstract join(address: Address, reachable: (complete: boolean) => void): void;
  /** This node has one connection fewer there. Each `leave` must have a `join` before it. */
  abstract leave(address: Address): void;

  /**
   * Sends to every other node that holds the user, or may hold it. `receipt` is called once, within a second, but never
   * when the message was refused. A refusal means that the message went nowhere. A volatile message has no receipt, and
   * is dropped, not refused, where queues are full.
   */
  abstract send(message: Message, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null;

  /** As `send`: to every other node that has a member of the room, or may have one. */
  abstract sendToRoom(message: RoomMessage, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null;

  /** As `send`: to every other node. A bus that cannot do that reaches none, and says so. */
  sendToAll(_message: BroadcastMessage, receipt: ((receipt: Receipt) => void) | null): BusRefusal | null {
    receipt?.({ delivered: 0, complete: false });
    return null;
  }

  /** Looks up who holds the user or room. Nothing is sent: it says what this node knows by now. */
  abstract holders(address: Address): Holders;

  /**
   * From now on `holdersChanges$` tells of the address, until as many calls of `unwatch` as there were of `watch`. Who
   * holds it now says `holders`. Nothing is sent for it.
   */
  abstract watch(address: Address): void;
  abstract unwatch(address: Address): void;

  /** Sends to all other nodes, in order. Returns false to refuse: queues are full, or the body is too large. */
  abstract publish(channel: string, body: Buffer): boolean;
  /**
   * The same, to every other node that holds the address, or may hold it. What one node is sent arrives there in order.
   * Something that was taken may still be dropped; `gaps$` tells that as `incomplete` or `lost`.
   *
   * @returns the nodes to which it could not be sent
   */
  abstract publishToHolders(address: Address, channel: string, body: Buffer): readonly string[];
  /** The same, to one node. Returns false when it could not be sent. */
  abstract publishTo(nodeId: string, channel: string, body: Buffer): boolean;
  /** Asks all other nodes. Resolves when all have answered, or after `timeoutMs` with those that did. */
  abstract ask(topic: string, body: Buffer, timeoutMs: number): Promise<Answers>;

  abstract peers(): PeerView[];
  abstract health(): BusHealth;

  /** Read when metrics are scraped. */
  statistics(): BusStatistics {
    return NOTHING_COUNTED;
  }
}
