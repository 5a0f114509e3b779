/**
 * Everything the core is told, once, at its start. Required fields are facts of this node; `timing` and `limits`
 * have defaults, each with the reason for its value. Times are milliseconds, sizes are bytes; units stand last.
 */
import type { Endpoint } from './contract.js';
import type { CipherSuite } from './wire/cipher.js';

export interface ClusterNodeOptions {
  /** 12 random bytes of this process start: the node's identity, and part of every key it seals with. */
  readonly bootId: Buffer;
  /** A label for people. Never an identity. At most 255 bytes of UTF-8. */
  readonly nodeName: string;
  /** Enters the key derivation: clusters of different names do not hear each other. */
  readonly clusterName: string;
  /** The software's version, for people. The protocol's own version is in the datagram. */
  readonly version: string;
  /** 1 to 3 secrets, at least 32 bytes each: the first seals, all open. */
  readonly secrets: readonly Buffer[];
  /** 'broadcast' also for multicast: one transmit reaches all. 'mesh': every peer is addressed by itself. */
  readonly mode: 'broadcast' | 'mesh';
  /** Mesh: where to look for the first peers. */
  readonly seeds: readonly Endpoint[];
  /**
   * Largest datagram, header and tag included. 1200 passes every tunnel; up to 8900 on jumbo frames; up to 32768 where
   * no network limits it.
   */
  readonly datagramBytes: number;
  /**
   * Largest datagram that is tried to peers whose paths take it, up to 32768. No larger than `datagramBytes`: nothing is
   * tried.
   */
  readonly datagramBytesMax: number;
  /** Largest body of one message, publication, question or answer; larger ones than a record are fragmented. */
  readonly messageBytesMax: number;
  /** What usually keeps a node from hearing what it sends to all, for people: the end of a sentence. */
  readonly deafHelp: string;
  /** Effective receive buffer of each socket, as read back from the kernel: what others may have in flight to us. */
  readonly receiveBufferBytes: number;
  /** 0 <= x < 1, for jitter only; nothing secret comes from it. */
  readonly random: () => number;
  readonly cipher: CipherSuite;
  /** The monotonic clock's reading now. */
  readonly startedAt: number;
  readonly timing?: Partial<Timing>;
  readonly limits?: Partial<Limits>;
}

export interface Timing {
  /** A report each while sessions or members change: liveness, acks and mutual membership. */
  readonly reportIntervalMs: number;
  /**
   * The same while nothing changes: a sign of life, for which every other node wakes up with cold caches. Nothing
   * waits for one while all is well. (With 400 ms an idle node of a cluster of 8 used 0.8 to 1.2% of a core.)
   */
  readonly reportIdleMs: number;
  /**
   * Above this many members the interval grows in proportion, so that reports cost O(N) a node and not O(N^2). As many
   * wake-ups a second are 1% of a core.
   */
  readonly reportMembersFlat: number;
  /**
   * Two missed reports, and a half: long enough for a GC pause or a burst of loss; then PINGs ask for a sign of life.
   */
  readonly silentAfterMs: number;
  /**
   * A peer silent for so long is dead. Silence changes no routing, and clients of a dead node reconnect: so there is
   * no hurry.
   */
  readonly deadAfterMs: number;
  /** First HELLO retry; doubles up to the report interval. A few round trips of a busy LAN. */
  readonly helloRetryMs: number;
  /** A boot that never answered a HELLO, and is not heard any more for so long, is forgotten. Recordings end here. */
  readonly heardForgetMs: number;
  /** A peer that does not list us this long after we met is reported as not mutual. */
  readonly notMutualAfterMs: number;
  /** When records are acked that nobody waits for. Short, because acks ride on other datagrams when there are any. */
  readonly ackDelayMs: number;
  /** Ack of announcements: somebody's connection waits for it. Collects the datagrams of one burst. */
  readonly ackUrgentMs: number;
  /** How long announcements wait for others, counted from the last that left. A few turns of a busy node's loop. */
  readonly gatherMs: number;
  /**
   * Added for each further node that announces something. So no node reads more than 2,000 announcements and acks a
   * second, however many nodes announce: that is 1% of a core.
   */
  readonly gatherPeerMs: number;
  /** Both an announcement and its ack wait: together half of the barrier. The other half is for busy nodes and repair. */
  readonly gatherMaxMs: number;
  /** Sender asks for a position this long (and two round trips) after the last unacked record: finds tail loss. */
  readonly pollAfterMs: number;
  readonly pollIntervalMaxMs: number;
  /** First NACK on the unicast stream: covers reordering within a switch and one turn of the loop. */
  readonly nackUnicastMs: number;
  /** First NACK on the broadcast stream, plus as much again at random: the two sockets reorder, and N ask at once. */
  readonly nackBroadcastMs: number;
  /** What was asked for is asked for again after two turns of both loops. With more, 10% loss halves the throughput. */
  readonly nackRetryMs: number;
  readonly nackRetryMaxMs: number;
  /**
   * Added to the wait for each record asked for: what a crowded machine needs to read one. Without it such a machine
   * asks several times for a window of records that lie in its own socket already.
   */
  readonly nackRetryRecordMs: number;
  /** The same record is not repaired again within this: what is in flight is not sent twice. Below nackRetryMs. */
  readonly repairLingerMs: number;
  /** A broadcast gap unrepaired this long, with its sender alive, is given up: gap event and rejoin. */
  readonly gapAfterMs: number;
  /** A peer that shuts the broadcast window for this long becomes a laggard. It will see a gap, and rejoin. */
  readonly laggardAfterMs: number;
  /**
   * A peer that shuts the broadcast window and answers nothing for this long becomes a laggard too. This is shorter than
   * the barrier, and long enough to ask several times, so that loss alone is not taken for silence.
   */
  readonly unheardAfterMs: number;
  /** No progress of acks this long, with records unacked: the peer has stopped answering, senders are told at once. */
  readonly stalledAfterMs: number;
  /** Messages for a peer that has not opened its stream are held this long. */
  readonly holdMs: number;
  /** A joining connection waits at most this long for late peers (R11): below what a person notices. */
  readonly barrierMs: number;
  /**
   * How long a room stays announced after its last connection here has left: longer than a page takes to reload. Too long
   * costs a datagram for each message to the room.
   */
  readonly lingerMs: number;
  /** `ack` within a second always: this plus the way to the client. */
  readonly receiptTimeoutMs: number;
  /** R13: the view has settled after this many reports, or after settleMaxMs whatever happens. */
  readonly settleReports: number;
  readonly settleMaxMs: number;
  /** Own broadcast not heard for this long: deaf, not ready. */
  readonly deafAfterMs: number;
  /** Nothing is carried for this long: not ready. Longer than a broker takes to be restarted. */
  readonly awayUnreadyMs: number;
  /** Mesh: how often seeds that are no peers yet are knocked at. */
  readonly knockIntervalMs: number;
  /** Peers tell each other whom they know; a newcomer is told at its WELCOME. */
  readonly gossipIntervalMs: number;
  /** Round trip is measured this often per peer. */
  readonly pingIntervalMs: number;
  /** An answer to a probe for a larger datagram takes no longer, unless one of the two is very busy. */
  readonly pathProbeMs: number;
  /** Probes of one size, before it is given up: so many are not lost by chance (RFC 8899 5.1.2: MAX_PROBES). */
  readonly pathProbes: number;
  /** After a larger size has failed, how long it is left alone; doubles with every failure. */
  readonly pathRetryMs: number;
  readonly pathRetryMaxMs: number;
  /** On shutdown, how long acks are waited for before saying good-bye. */
  readonly drainMaxMs: number;
}

export interface Limits {
  /** Peers known at once. 128 members are the design's ceiling; room for restarts of all of them. */
  readonly peersMax: number;
  /** Boots heard but not proven alive. */
  readonly heardMax: number;
  /** Dropped boots remembered, so that recordings of them are refused. About 100 bytes each. */
  readonly tombstonesMax: number;
  /** Key derivations for unknown boots: a flood of forged boot ids costs no more CPU than this. */
  readonly unknownBootBurst: number;
  readonly unknownBootsPerSecond: number;
  /** Unacked records on the wire to one peer, and on the broadcast stream. */
  readonly unicastWindowRecords: number;
  readonly broadcastWindowRecords: number;
  /** Smallest window, whatever the buffers: progress is slow then, but it is progress. */
  readonly windowRecordsMin: number;
  /** Towards one peer, queued and unacked. Users' messages are refused beyond; receipts and replies at twice that. */
  readonly unicastQueueBytes: number;
  /**
   * The same for all peers: with more than 64 each has an equal share of this, but room for two of the largest
   * messages.
   */
  readonly unicastQueuesBytes: number;
  readonly unicastQueueRecords: number;
  /** Broadcast stream, queued and unacked: publications are refused beyond half, the oldest evicted beyond all. */
  readonly broadcastRingBytes: number;
  readonly broadcastRingRecords: number;
  /**
   * Receipts wanted and not yet final, and holders of users that several hold among them; more: 'congested'. More
   * than a second of the fastest machine's messages (140,000); with those who wait for them half a kilobyte each.
   */
  readonly receiptsMax: number;
  /** Our questions that are open at once. A further one ends at once, with all peers missing. */
  readonly questionsMax: number;
  /**
   * All answers to open questions. A peer whose answer has no room counts as missing. Half of what 128 members could
   * answer to one question.
   */
  readonly answerBytes: number;
  /** Missing ranges and records one NACK names. */
  readonly nackRanges: number;
  readonly nackRecords: number;
  /** Addresses that linger; more: the oldest ends at once. Some 100 bytes each. */
  readonly lingeringMax: number;
  /**
   * A message to a room goes by broadcast to so many holders or more, if they are most of the nodes. Every other node
   * receives it too: to fewer it costs the cluster more than it saves.
   */
  readonly broadcastHoldersMin: number;
  /** Rooms with messages on their way that are told apart. Beyond, they keep their way longer than necessary. */
  readonly roomMarksMax: number;
  /** Removals noted while a snapshot loads; beyond, they are forgotten, and the snapshot is loaded again. */
  readonly removalsMax: number;
  /** Snapshot entries queued at once towards one peer: paced below the window so that messages pass. */
  readonly snapshotRecords: number;
}

export const TIMING: Timing = {
  reportIntervalMs: 400,
  reportIdleMs: 1_000,
  reportMembersFlat: 12,
  silentAfterMs: 2_500,
  deadAfterMs: 5_000,
  helloRetryMs: 20,
  heardForgetMs: 5_000,
  notMutualAfterMs: 1_000,
  ackDelayMs: 5,
  ackUrgentMs: 2,
  gatherMs: 4,
  gatherPeerMs: 0.6,
  gatherMaxMs: 40,
  pollAfterMs: 10,
  pollIntervalMaxMs: 250,
  nackUnicastMs: 2,
  nackBroadcastMs: 5,
  nackRetryMs: 4,
  nackRetryMaxMs: 250,
  nackRetryRecordMs: 0.1,
  repairLingerMs: 3,
  gapAfterMs: 3_000,
  laggardAfterMs: 2_000,
  unheardAfterMs: 100,
  stalledAfterMs: 500,
  holdMs: 1_000,
  barrierMs: 150,
  lingerMs: 5_000,
  receiptTimeoutMs: 900,
  settleReports: 3,
  settleMaxMs: 3_000,
  deafAfterMs: 2_500,
  awayUnreadyMs: 5_000,
  knockIntervalMs: 500,
  gossipIntervalMs: 4_000,
  pingIntervalMs: 15_000,
  pathProbeMs: 200,
  pathProbes: 3,
  pathRetryMs: 10_000,
  pathRetryMaxMs: 600_000,
  drainMaxMs: 500,
};

export const LIMITS: Limits = {
  peersMax: 256,
  heardMax: 256,
  tombstonesMax: 4_096,
  unknownBootBurst: 50,
  unknownBootsPerSecond: 200,
  unicastWindowRecords: 256,
  broadcastWindowRecords: 512,
  windowRecordsMin: 16,
  unicastQueueBytes: 4 << 20,
  unicastQueuesBytes: 256 << 20,
  unicastQueueRecords: 4_096,
  broadcastRingBytes: 8 << 20,
  broadcastRingRecords: 8_192,
  receiptsMax: 1 << 18,
  questionsMax: 1_024,
  answerBytes: 64 << 20,
  nackRanges: 32,
  nackRecords: 256,
  lingeringMax: 65_536,
  broadcastHoldersMin: 4,
  roomMarksMax: 16_384,
  removalsMax: 65_536,
  snapshotRecords: 64,
};
