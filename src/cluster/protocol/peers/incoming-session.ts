/**
 * What a peer sends to us: its broadcast stream and its unicast stream to us, as agreed by our HELLO and its WELCOME, and
 * what we hold of its users. The directions of a pair are separate: this is one of them.
 *
 * R2: our HELLO carries a fresh nonce and what we had of the last session (`id`, `delivered`). The WELCOME with that
 * very nonce opens the session. Until then nothing is applied. R4: on admission the replica is empty and loading.
 * Announcements add, withdrawals remove and are noted, the snapshot adds what is not noted, and its end completes: at once, or
 * after an admission that took long when what was announced meanwhile is here too.
 */
import type { Replica } from '../directory/replica.js';
import type { Timing } from '../options.js';
import { Fragments } from '../streams/fragments.js';
import { IncomingStream } from '../streams/incoming-stream.js';
import { next, type Transitions } from '../transitions.js';
import type { PeerTimers } from './peer-timers.js';

export type IncomingState = 'new' | 'asking' | 'loading' | 'complete';
export type IncomingEvent = 'ask' | 'sendHello' | 'admit' | 'complete';

const TRANSITIONS: Transitions<IncomingState, IncomingEvent> = {
  new: { ask: 'asking' },
  asking: { ask: 'asking', sendHello: 'asking', admit: 'loading' },
  loading: { ask: 'asking', complete: 'complete' },
  complete: { ask: 'asking' },
};

export class IncomingSession {
  readonly broadcast: IncomingStream;
  readonly unicast: IncomingStream;
  readonly broadcastFragments = new Fragments();
  readonly unicastFragments = new Fragments();

  #state: IncomingState = 'new';
  #nonce = 0;
  #id = 0;
  #welcomeReport = 0;
  /** When the HELLO of the present nonce was due for the first time. */
  #askedAt = Infinity;
  /** The replica is not complete before this broadcast record is applied; Infinity: the peer's next report says which. */
  #announcedTo = 0;
  #hasSnapshot = false;
  #helloIntervalMs = 0;
  #recordsToAck = 0;
  #owesUnicast = false;
  #owesBroadcast = false;
  /** The newest datagram with volatile messages under each key, over all sessions: older ones come too late. */
  readonly #newestVolatile = { pair: 0, broadcast: 0 };
  /** Hashes withdrawn while the snapshot is on its way: it must not bring them back. */
  readonly #removals = new Set<number>();
  /** There were more withdrawals than can be noted, so the snapshot may have brought some addresses back. */
  #hasForgottenRemovals = false;

  constructor(
    private readonly timing: Timing,
    /** Removals noted at once. */
    private readonly removalsMax: number,
    random: () => number,
    private readonly timers: PeerTimers,
    readonly replica: Replica,
  ) {
    const repair = {
      retryMs: timing.nackRetryMs,
      retryMaxMs: timing.nackRetryMaxMs,
      retryRecordMs: timing.nackRetryRecordMs,
      gapAfterMs: timing.gapAfterMs,
    };
    this.broadcast = new IncomingStream(
      { firstDelayMs: timing.nackBroadcastMs, firstJitterMs: timing.nackBroadcastMs, ...repair },
      random,
      { nack: timers.broadcastNack, gap: timers.broadcastGap },
    );
    this.unicast = new IncomingStream(
      { firstDelayMs: timing.nackUnicastMs, firstJitterMs: 0, ...repair },
      random,
      { nack: timers.unicastNack, gap: timers.unicastGap },
    );
  }

  get state(): IncomingState {
    return this.#state;
  }

  /** The peer's records are taken. */
  get isAdmitted(): boolean {
    return this.#state === 'loading' || this.#state === 'complete';
  }

  get isLoading(): boolean {
    return this.#state === 'loading';
  }

  /** We know all the addresses it holds. */
  get isComplete(): boolean {
    return this.#state === 'complete';
  }

  /** The replica may contain addresses that the peer no longer holds. The snapshot must be loaded again. */
  get isStale(): boolean {
    return this.#hasForgottenRemovals && this.isComplete;
  }

  /** Of our HELLO; 0: none sent yet. */
  get nonce(): number {
    return this.#nonce;
  }

  /** The peer's session number of the last admission; 0: never. Later admissions are rejoins. */
  get id(): number {
    return this.#id;
  }

  /** R6: listed in reports and STATUS; 0 unless admitted. */
  get listedId(): number {
    return this.isAdmitted ? this.#id : 0;
  }

  /** The peer's reports up to this one were made before the session. */
  get welcomeReport(): number {
    return this.#welcomeReport;
  }

  /** What has been taken of the unicast stream of session `id`. */
  get delivered(): number {
    return this.#id === 0 ? 0 : this.unicast.next - 1;
  }

  /** What we applied of its unicast stream; 0 unless admitted. */
  get unicastApplied(): number {
    return this.isAdmitted ? this.unicast.next - 1 : 0;
  }

  /** What we applied of its broadcast stream; 0 unless admitted. */
  get broadcastApplied(): number {
    return this.isAdmitted ? this.broadcast.next - 1 : 0;
  }

  /** A new nonce: the session so far, if any, ends here. The first HELLO goes out at `helloAt`. */
  ask(nonce: number, helloAt: number): void {
    this.#move('ask');
    this.#nonce = nonce;
    this.#askedAt = helloAt;
    this.broadcast.stopAsking();
    this.unicast.stopAsking();
    this.noteAcked();
    this.#helloIntervalMs = this.timing.helloRetryMs;
    this.timers.hello.set(helloAt);
  }

  /** A HELLO goes out. The next one follows after `jitter` times an interval that doubles. */
  sendHello(now: number, jitter: number): void {
    this.#move('sendHello');
    this.timers.hello.set(now + this.#helloIntervalMs * jitter);
    this.#helloIntervalMs = Math.min(this.#helloIntervalMs * 2, this.timing.reportIntervalMs);
  }

  /** The WELCOME has come. Returns how many broadcast records passed between the last session and this one. */
  admit(now: number, session: number, base: number, report: number): number {
    this.#move('admit');
    // A WELCOME is repeated as it was. After so long its base is old, and the peer's connections have not waited for us.
    this.#announcedTo = now - this.#askedAt < this.timing.barrierMs ? 0 : Infinity;
    this.#hasSnapshot = false;
    const skipped = this.#id === 0 ? 0 : base - (this.broadcast.next - 1);
    this.#id = session;
    this.#welcomeReport = report;
    this.timers.hello.cancel();
    this.broadcast.reset(base + 1);
    this.broadcastFragments.reset();
    this.unicast.reset(1);
    this.#removals.clear();
    this.#hasForgottenRemovals = false;
    return skipped;
  }

  /** A report of the session says how far the peer's broadcast stream goes. */
  noteBroadcastSent(now: number, sent: number): void {
    this.broadcast.noteHighest(now, sent);
    if (this.#announcedTo === Infinity) this.#announcedTo = sent;
  }

  /** The end of the snapshot has come. */
  endSnapshot(): void {
    this.#hasSnapshot = true;
  }

  /** All that the peer holds is in the replica: `complete` is due. */
  get isWhole(): boolean {
    return this.isLoading && this.#hasSnapshot && this.broadcast.next > this.#announcedTo;
  }

  complete(): void {
    this.#move('complete');
    this.#removals.clear();
  }

  announce(key: number): void {
    if (this.isLoading) this.#removals.delete(key);
    this.replica.add(key);
  }

  withdraw(key: number): void {
    if (this.isLoading) {
      if (this.#removals.size < this.removalsMax) this.#removals.add(key);
      else this.#hasForgottenRemovals = true;
    }
    this.replica.remove(key);
  }

  /** An entry of the snapshot, while it loads. */
  load(key: number): void {
    if (!this.#removals.has(key)) this.replica.add(key);
  }

  /** Broadcast records of it wait to be acked. */
  get owesBroadcastAck(): boolean {
    return this.#owesBroadcast;
  }

  /** A record was taken, or came again. Returns how many wait to be acked. */
  oweAck(isBroadcast: boolean): number {
    if (isBroadcast) this.#owesBroadcast = true;
    else this.#owesUnicast = true;
    this.#recordsToAck += 1;
    return this.#recordsToAck;
  }

  /** A STATUS goes out. */
  noteAcked(): void {
    this.#owesUnicast = false;
    this.noteBroadcastAcked();
  }

  /** An ack of the broadcast stream goes out. */
  noteBroadcastAcked(): void {
    this.#owesBroadcast = false;
    if (this.#owesUnicast) return;
    this.timers.ack.cancel();
    this.#recordsToAck = 0;
  }

  /** A datagram with volatile messages has come. False: one that was sent later came before it. */
  noteVolatile(key: 'pair' | 'broadcast', packetNumber: number): boolean {
    if (packetNumber < this.#newestVolatile[key]) return false;
    this.#newestVolatile[key] = packetNumber;
    return true;
  }

  /** This node slept for `ms`. What is missing has so much more time to come. */
  forgive(ms: number): void {
    this.broadcast.forgive(ms);
    this.unicast.forgive(ms);
  }

  #move(event: IncomingEvent): void {
    this.#state = next(TRANSITIONS, this.#state, event);
  }
}
