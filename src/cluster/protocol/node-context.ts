/** What the parts of one node share. It decides nothing; each part owns the rules of one concept. */
import { FRAME_HEADER_BYTES } from './byte-writer.js';
import {
  type GapKind,
  type NodeId,
  type PeerSnapshot,
  type ProtocolEvent,
  type Rejection,
} from './contract.js';
import { DATAGRAM_OVERHEAD_BYTES } from './datagram.js';
import { Directory } from './directory.js';
import { assert } from './errors.js';
import { Fifo } from './fifo.js';
import { FlushQueue } from './flush-queue.js';
import { UNICAST_RECORD_HEADER_BYTES } from './frames.js';
import { Inquiries } from './inquiries.js';
import { LocalUsers } from './local-users.js';
import { Members } from './members.js';
import {
  BOOT_ID_BYTES,
  LIMITS,
  TIMING,
  type ClusterNodeOptions,
  type Limits,
  type Timing,
} from './options.js';
import { Outbox } from './outbox.js';
import { OutgoingStream } from './outgoing-stream.js';
import type { Peer } from './peer.js';
import { Receipts } from './receipts.js';
import { ReportPace } from './report-pace.js';
import { Keyring, SealingChannel } from './sealing.js';
import { UserHasher } from './user-hash.js';

/** Room kept in every datagram beside its record, so that an ack always rides along. */
export const STATUS_FRAME_BYTES = FRAME_HEADER_BYTES + 18;
/** Between two portions of sweeping the directory. */
export const SWEEP_INTERVAL_MS = 2;
/** Below this a datagram has no room for an introduction and little for a record. */
const DATAGRAM_BYTES_MIN = 508;
const DATAGRAM_BYTES_MAX = 8_900;
/** Kernel memory of a datagram of up to about 1,900 bytes [measured]; larger ones take a multiple. */
const KERNEL_BYTES = 2_304;
const KERNEL_OVERHEAD_BYTES = 320;
/** Half of the buffer is promised to senders: the rest is for what no window limits. */
const PROMISED_SHARE = 1 / 2;

export class NodeContext {
  readonly id: NodeId;
  readonly timing: Timing;
  readonly limits: Limits;
  readonly keyring: Keyring;
  /** One per secret: a peer's users are hashed with the secret it seals with. */
  readonly hashers: readonly UserHasher[];
  readonly recordBytes: number;
  readonly events = new Fifo<ProtocolEvent>();
  readonly members: Members;
  readonly pace: ReportPace;
  readonly directory = new Directory();
  readonly localUsers = new LocalUsers();
  readonly broadcast: OutgoingStream;
  readonly outbox: Outbox;
  readonly receipts: Receipts;
  readonly inquiries: Inquiries;

  /** Whose replica a directory slot is; null: retired. */
  readonly slotOwners: (Peer | null)[] = [];
  /** Proven peers whose users are not fully known: messages to anybody go to them too (R9). */
  incompletePeers: readonly Peer[] = [];
  /** How many proven peers seal with each secret. */
  readonly peersOfSecret: number[];
  readonly flushQueue = new FlushQueue();

  readonly counters = {
    datagramsReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    recordsRepaired: 0,
    recordsRequested: 0,
    gaps: 0,
    directoryHits: 0,
    directoryMisses: 0,
    answersDropped: 0,
  };
  readonly rejected: Record<Rejection, number> = {
    foreign: 0,
    forged: 0,
    left: 0,
    malformed: 0,
    'other-key': 0,
    'other-version': 0,
    replayed: 0,
    'too-many-strangers': 0,
  };

  /** Of the last report made. */
  reportNumber = 0;
  sessionNumber = 0;
  helloNonce = 0;
  /** Acks have come since the broadcast stream and the barrier were last looked at. */
  isBroadcastAcked = false;

  /** When the next segments of the directory are swept, if that is due at all. */
  sweepAt = 0;

  constructor(readonly options: ClusterNodeOptions) {
    const { bootId, cipher, clusterName, datagramBytes, secrets } = options;
    if (bootId.length !== BOOT_ID_BYTES) throw new RangeError(`A boot id has ${BOOT_ID_BYTES} bytes`);
    if (datagramBytes < DATAGRAM_BYTES_MIN || datagramBytes > DATAGRAM_BYTES_MAX) {
      throw new RangeError(
        `Datagrams have ${DATAGRAM_BYTES_MIN} to ${DATAGRAM_BYTES_MAX} bytes, not ${datagramBytes}`,
      );
    }
    this.id = bootId.toString('hex');
    this.timing = { ...TIMING, ...options.timing };
    this.limits = { ...LIMITS, ...options.limits };
    this.keyring = new Keyring(cipher, clusterName, secrets);
    this.hashers = this.keyring.hashKeys.map((key) => new UserHasher(key));
    this.peersOfSecret = secrets.map(() => 0);
    this.members = new Members(this.limits.tombstonesMax);
    this.pace = new ReportPace(this.timing, this.members);
    this.recordBytes =
      datagramBytes -
      DATAGRAM_OVERHEAD_BYTES -
      FRAME_HEADER_BYTES -
      UNICAST_RECORD_HEADER_BYTES -
      STATUS_FRAME_BYTES;
    this.broadcast = new OutgoingStream(this.recordBytes);
    const broadcastKey = new SealingChannel(this.keyring, bootId, null, 0);
    this.outbox = new Outbox(datagramBytes, options.mode === 'mesh', this.members, broadcastKey);
    this.receipts = new Receipts(
      this.limits.receiptsMax,
      this.timing.receiptTimeoutMs,
      (token, delivered, complete) => this.events.push({ type: 'receipt', token, delivered, complete }),
    );
    this.inquiries = new Inquiries(
      this.limits.inquiriesMax,
      this.limits.inquiryBytes,
      (token, answers, missing, complete) =>
        this.events.push({ type: 'answers', token, answers, missing, complete }),
    );
  }

  /** Hash of our own users, as we announce them. */
  get ownHasher(): UserHasher {
    return this.hashers[0] as UserHasher;
  }

  /** R13, reports and windows: what we grant each sender, so that all together do not overrun our buffers. */
  get receiveWindow(): number {
    const { limits, options, members } = this;
    const kernelBytes =
      KERNEL_BYTES * Math.ceil((options.datagramBytes + KERNEL_OVERHEAD_BYTES) / KERNEL_BYTES);
    const records = (options.receiveBufferBytes * PROMISED_SHARE) / kernelBytes;
    // In mesh mode both streams of a sender come to one socket.
    const streams = Math.max(1, members.size) * (options.mode === 'mesh' ? 2 : 1);
    const share = Math.floor(records / streams);
    return Math.min(limits.broadcastWindowRecords, Math.max(limits.windowRecordsMin, share));
  }

  /**
   * Broadcast records of our own that may be unacked: in broadcast mode they come back to our own socket too, where they
   * must leave room for the peers' (what these are promised takes half of it).
   */
  get echoWindow(): number {
    const { limits, options } = this;
    if (options.mode === 'mesh') return limits.broadcastWindowRecords;
    return Math.max(limits.windowRecordsMin, Math.floor(this.receiveWindow / 2));
  }

  /** What may be queued towards each peer. */
  get unicastQueueBytes(): number {
    const { limits, members, options } = this;
    const share = Math.max(limits.unicastQueuesBytes / members.size, 2 * options.messageBytesMax);
    return Math.min(limits.unicastQueueBytes, share);
  }

  /** To be called whenever a peer is proven, admitted, completed, rejoins or goes. */
  refreshRouting(): void {
    this.pace.noteNews();
    const proven = this.members.all.filter(({ isProven }) => isProven);
    this.incompletePeers = proven.filter(({ incoming }) => !incoming.isComplete);
    this.peersOfSecret.fill(0);
    for (const { keys } of proven) {
      this.peersOfSecret[keys.secret] = (this.peersOfSecret[keys.secret] as number) + 1;
    }
    this.isBroadcastAcked = true;
  }

  reject(why: Rejection): void {
    this.rejected[why] += 1;
  }

  gap(peer: Peer, kind: GapKind, count: number | null, reason: string): void {
    this.counters.gaps += 1;
    this.events.push({ type: 'gap', peer: peer.id, kind, count, reason });
  }

  warn(code: string, message: string): void {
    this.events.push({ type: 'warning', code, message });
  }

  tellPeer(change: 'joined' | 'rejoined' | 'left' | 'lost', peer: PeerSnapshot, reason: string): void {
    this.events.push({ type: 'peer', change, peer, reason });
  }

  /** A replica that is empty: R4. */
  replaceReplica(now: number, peer: Peer): void {
    this.retireReplica(now, peer);
    const slot = peer.incoming.replica.renew();
    assert((this.slotOwners[slot] ?? null) === null, 'a slot has one owner');
    this.slotOwners[slot] = peer;
  }

  retireReplica(now: number, peer: Peer): void {
    const { replica } = peer.incoming;
    if (replica.slot === 0) return;
    this.slotOwners[replica.slot] = null;
    if (!this.directory.isSweepDue) this.sweepAt = now + SWEEP_INTERVAL_MS;
    replica.retire();
  }
}
