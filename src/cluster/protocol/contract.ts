/**
 * What the protocol core takes and gives. The core is sans-IO: time and bytes come in by calls, bytes and events
 * are polled out; it has no sockets, clock, timers or randomness of its own, so that a simulator can be its world.
 *
 * Times are milliseconds of one monotonic clock. Buffers handed in by `handleDatagram` are valid during the call
 * only as far as the core is concerned: it copies what it keeps. Events' buffers may be views of them.
 */

/** "10.0.0.7:41234": an IPv4 address and a port, as one comparable string. */
export type Endpoint = string;

/** A node's identity: hex of its 96 random bits, new at every start. */
export type NodeId = string;

/** Where a datagram was received: on the socket all share (broadcast, multicast) or on the node's own (unicast). */
export type Arrival = 'shared' | 'own';

export interface Transmit {
  /** null: to everyone (broadcast, or multicast; in mesh mode the core addresses each peer itself). */
  readonly to: Endpoint | null;
  readonly bytes: Buffer;
}

/** A span of a trace (W3C Trace Context): carried with a message, and of no meaning to the core. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** One byte; bit 0: sampled. */
  readonly traceFlags: number;
  /** True of what arrived: the span is another node's. */
  readonly isRemote?: boolean;
}

/**
 * What messages are for, and nodes tell each other that they hold. A user and a room of one name are two addresses.
 * `watch`: a node watches who is in the room of this name.
 */
export const ADDRESS_KINDS = ['user', 'room', 'watch'] as const;
export type AddressKind = (typeof ADDRESS_KINDS)[number];

export interface Address {
  readonly kind: AddressKind;
  /** Up to 255 bytes of UTF-8. */
  readonly name: string;
}

export interface OutgoingMessage {
  readonly to: string;
  readonly from: string | null;
  readonly data: Buffer;
  /** The sender's own name for it: carried, and of no meaning to the core. At most 64 bytes of UTF-8. */
  readonly messageId?: string;
  /** The span in which it is sent. */
  readonly trace?: TraceContext | undefined;
  /** Fresh beats certain: it is not repaired, waits for nothing, and is dropped first. It has no receipt. */
  readonly isVolatile?: boolean;
}

/** Who holds an address, as far as this node's directory knows. */
export interface Holders {
  readonly peers: readonly NodeId[];
  /** False: others may hold the address too, or one of these no longer does. */
  readonly complete: boolean;
}

/** A message to a room: to every node that holds it. */
export interface OutgoingRoomMessage {
  readonly room: string;
  readonly from: string | null;
  readonly data: Buffer;
  /** As of `OutgoingMessage`. */
  readonly messageId?: string;
  readonly trace?: TraceContext | undefined;
  /** An event of a module's own, in place of a message. At most 255 bytes of UTF-8. */
  readonly event?: string;
  /** As of `OutgoingMessage`. */
  readonly isVolatile?: boolean;
}

/** A message to every connection of every node. */
export interface OutgoingBroadcast {
  readonly from: string | null;
  readonly data: Buffer;
}

/**
 * Outcome of `send`, `sendToRoom` and `sendToAll`. 'none': no other node holds the address; a wanted receipt follows all the same,
 * as an event.
 */
export type SendResult = 'queued' | 'none' | 'too_large' | 'congested';

/** Why delivery could not be promised. */
export type GapKind = 'gap' | 'lost' | 'incomplete' | 'late' | 'not-mutual';

/** Why a datagram was not believed. */
export type Rejection =
  | 'foreign'
  | 'forged'
  | 'left'
  | 'malformed'
  | 'other-key'
  | 'other-version'
  | 'replayed'
  | 'too-many-strangers';

export type PeerState = 'pending' | 'up' | 'silent';

export interface PeerSnapshot {
  readonly nodeId: NodeId;
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly state: PeerState;
  readonly version: string;
  readonly roundTripMs: number | null;
  /** Share of the peer's datagrams that went missing lately, 0..1. */
  readonly loss: number;
  /** The largest datagram that is sent to it now. */
  readonly datagramBytes: number;
  readonly uptimeMs: number;
  /** Addresses that we know the peer to hold, and whether that is all. */
  readonly entries: number;
  readonly complete: boolean;
  readonly queuedBytes: number;
}

export type ProtocolEvent =
  /** A message from a peer. `receipt` is not 0 when the peer wants `acknowledge(now, peer, receipt, count)`. */
  | {
      readonly type: 'message';
      readonly peer: NodeId;
      readonly to: string;
      readonly from: string | null;
      readonly data: Buffer;
      readonly receipt: number;
      readonly messageId: string | null;
      readonly trace: TraceContext | null;
      readonly isVolatile: boolean;
    }
  /** The same, to a room that this node holds or may be thought to hold. */
  | {
      readonly type: 'room-message';
      readonly peer: NodeId;
      readonly room: string;
      readonly from: string | null;
      readonly data: Buffer;
      readonly receipt: number;
      readonly messageId: string | null;
      readonly trace: TraceContext | null;
      readonly event: string | null;
      readonly isVolatile: boolean;
    }
  /** A message to every connection of this node. `receipt` as of 'message'. */
  | {
      readonly type: 'message-to-all';
      readonly peer: NodeId;
      readonly from: string | null;
      readonly data: Buffer;
      readonly receipt: number;
    }
  /**
   * The final word on a `send`, `sendToRoom` or `sendToAll` with a token: exactly one per token, at most `receiptTimeoutMs` later.
   * `complete`: everybody has answered who may hold the address and is known to be there (R14).
   */
  | {
      readonly type: 'receipt';
      readonly token: number;
      readonly delivered: number;
      readonly complete: boolean;
    }
  /**
   * The end of a `join`: exactly one per token, unless left before. `complete`: everybody who is known to be there routes
   * to the address; else whoever does not is named as late.
   */
  | { readonly type: 'reachable'; readonly token: number; readonly complete: boolean }
  /** Of a watched address: the first node begins to hold it, or the last one holds it no more. */
  | { readonly type: 'holders'; readonly address: Address; readonly isHeld: boolean }
  | { readonly type: 'publication'; readonly peer: NodeId; readonly channel: string; readonly body: Buffer }
  | {
      readonly type: 'question';
      readonly peer: NodeId;
      readonly id: number;
      readonly topic: string;
      readonly body: Buffer;
    }
  /** The end of an `ask`: exactly one per token. */
  | {
      readonly type: 'answers';
      readonly token: number;
      readonly answers: readonly { readonly peer: NodeId; readonly body: Buffer }[];
      /** Asked or not, they are there and have not answered. */
      readonly missing: readonly NodeId[];
      /** False: somebody is missing, or this node could not know when asked who is there. */
      readonly complete: boolean;
    }
  | {
      readonly type: 'peer';
      readonly change: 'joined' | 'rejoined' | 'left' | 'lost';
      readonly peer: PeerSnapshot;
      readonly reason: string;
    }
  /** The invariant "no silent miss" in one event: what could not be promised, and about whom. */
  | {
      readonly type: 'gap';
      readonly peer: NodeId;
      readonly kind: GapKind;
      readonly count: number | null;
      readonly reason: string;
    }
  /** Queues towards living peers crossed the high-water mark, or fell below the low one. */
  | { readonly type: 'congestion'; readonly congested: boolean }
  /** Two live nodes with one name, own broadcast not heard, clock stalls, …: for the log; `code` is stable. */
  | { readonly type: 'warning'; readonly code: string; readonly message: string };

/** Counters only grow; the rest are gauges. */
export interface ProtocolStatistics {
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  readonly datagramsRejected: Readonly<Record<Rejection, number>>;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Of messages to rooms, those that went to several peers by one broadcast. */
  readonly roomBroadcasts: number;
  /** Volatile messages: copies sent to peers; those not sent, as too much waits there; received; come too late. */
  readonly volatileSent: number;
  readonly volatileDropped: number;
  readonly volatileReceived: number;
  readonly volatileLate: number;
  readonly recordsRepaired: number;
  readonly recordsRequested: number;
  /** Receipts and answers for which a peer's queue had no room: who waits for them hears it from its own deadline. */
  readonly answersDropped: number;
  /** Boots that are heard of and not proven: while there are any, no answer is complete. */
  readonly bootsHeard: number;
  readonly directoryEntries: number;
  readonly directoryBytes: number;
  readonly directoryHits: number;
  readonly directoryMisses: number;
  readonly queuedBytes: number;
  readonly queuedRecords: number;
  /** Of peers: records that came before those they follow, and messages of which a part has come. */
  readonly heldBytes: number;
  /** Receipts that are not final. */
  readonly receiptsWaiting: number;
  /** Of answers to questions that are still open. */
  readonly answerBytes: number;
}

/** The one object a driver or simulator holds. Implemented by ClusterNode in cluster-node.ts. */
export interface ProtocolNode {
  readonly nodeId: NodeId;

  handleDatagram(now: number, arrival: Arrival, bytes: Buffer, source: Endpoint): void;
  /** Call when `pollTimeout()` has come. Late calls are told from `now`: the node doubts itself first. */
  handleTimeout(now: number): void;
  /** The end of a turn: closes open records, seals datagrams. Without it nothing but timers' output leaves. */
  flush(now: number): void;

  /** Mesh mode: where to look for peers, as last resolved; false: somebody is configured whose address was never known. */
  setSeeds(now: number, endpoints: readonly Endpoint[], areAllKnown: boolean): void;
  /** Why nothing is carried between the nodes from now on, for people; null: datagrams are carried (again). */
  setOutage(now: number, outage: string | null): void;
  /** This node holds the address for one more connection. */
  join(now: number, address: Address, token: number): void;
  /** `token` cancels a pending 'reachable' of the same connection. */
  leave(now: number, address: Address, token: number): void;
  /** All or nothing: a refusal means that no peer gets it. `token` 0: no receipt wanted, as for all volatile messages. */
  send(now: number, message: OutgoingMessage, token: number): SendResult;
  sendToRoom(now: number, message: OutgoingRoomMessage, token: number): SendResult;
  /** To every peer that takes such messages. With one that does not, the receipt is not complete. */
  sendToAll(now: number, message: OutgoingBroadcast, token: number): SendResult;
  /** Looked up: nothing is sent, and nothing changes. */
  holders(now: number, address: Address): Holders;
  /** Events of type 'holders' tell from now on when the address changes. Nothing is sent for it. */
  watch(address: Address): void;
  /** Each has had its `watch`. */
  unwatch(address: Address): void;
  /** May come in a later turn, until the asker's receipt ends. */
  acknowledge(now: number, peer: NodeId, receipt: number, delivered: number): void;
  publish(now: number, channel: string, body: Buffer): boolean;
  /** The same, to every peer that holds the address, or may hold it. Returns those to whom it could not be sent. */
  publishToHolders(now: number, address: Address, channel: string, body: Buffer): NodeId[];
  /** The same, to one peer. */
  publishTo(now: number, peer: NodeId, channel: string, body: Buffer): boolean;
  ask(now: number, topic: string, body: Buffer, timeoutMs: number, token: number): void;
  answer(now: number, peer: NodeId, id: number, body: Buffer): void;
  /** Tells the peers good-bye. Keep driving it for a short while so that the datagrams leave. */
  shutdown(now: number): void;

  pollTransmit(): Transmit | undefined;
  pollEvent(): ProtocolEvent | undefined;
  /** When `handleTimeout` wants to be called, absolute; Infinity: never. Never in the past after it was called. */
  pollTimeout(): number;

  /** Senders should wait: true from within the `send` that fills a queue; events of type 'congestion' tell the same later. */
  readonly isCongested: boolean;
  /** True once clients may be served: the view has settled (CLUSTER rules R13), own broadcast heard. */
  isReady(): boolean;
  problems(): readonly string[];
  peers(): PeerSnapshot[];
  statistics(): ProtocolStatistics;
}
