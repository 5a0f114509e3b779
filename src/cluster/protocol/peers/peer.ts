/** Another boot of a node: who it is, the keys between us, signs of life, and one session in each direction. */
import type { Endpoint, NodeId, PeerSnapshot } from '../contract.js';
import { next, type Transitions } from '../transitions.js';
import { tagOfBootId, restOfBootId } from '../wire/datagram.js';
import {
  CAPABILITY_BROADCAST_ROOMS,
  CAPABILITY_EVERYBODY,
  CAPABILITY_LARGE_DATAGRAMS,
  CAPABILITY_ROOMS,
  CAPABILITY_SHARED_ACKS,
  CAPABILITY_VOLATILE,
} from '../wire/frames.js';
import type { OpeningChannel, SealingChannel } from '../wire/sealing.js';
import type { IncomingSession } from './incoming-session.js';
import { Loss } from './loss.js';
import { MutualStanding } from './mutual-standing.js';
import type { OutgoingSession } from './outgoing-session.js';
import type { PeerTimers } from './peer-timers.js';
import { ReportParts } from './report-parts.js';
import { RoundTrip } from './round-trip.js';

/**
 * named    others told us of it
 * heard    a datagram of its own has come
 * refused  no version of the protocol is common to us
 * proven   it has answered a HELLO of ours, and so lives
 * silent   no report of it has come for a while
 * gone     dropped: whoever still holds this object must not send to it
 *
 * A datagram of a peer that is not proven may be a recording, even one that is sealed for us.
 */
export type PeerLife = 'named' | 'heard' | 'refused' | 'proven' | 'silent' | 'gone';
export type PeerEvent = 'hear' | 'refuse' | 'prove' | 'report' | 'fallSilent' | 'drop';

const TRANSITIONS: Transitions<PeerLife, PeerEvent> = {
  named: { hear: 'heard', drop: 'gone' },
  heard: { hear: 'heard', refuse: 'refused', prove: 'proven', report: 'heard', drop: 'gone' },
  refused: { hear: 'refused', refuse: 'refused', prove: 'proven', report: 'refused', drop: 'gone' },
  proven: { hear: 'proven', refuse: 'proven', report: 'proven', fallSilent: 'silent', drop: 'gone' },
  silent: { hear: 'silent', refuse: 'silent', report: 'proven', fallSilent: 'silent', drop: 'gone' },
  gone: {},
};

export interface PeerKeys {
  /** Which of our secrets the peer seals with: one for its whole boot. */
  readonly secret: number;
  readonly broadcast: OpeningChannel;
  readonly pair: OpeningChannel;
  readonly sealing: SealingChannel;
}

export class Peer {
  readonly id: NodeId;
  /** Two 48-bit halves of the boot id. */
  readonly tag: number;
  readonly rest: number;

  readonly mutualStanding = new MutualStanding();
  readonly report = new ReportParts();
  readonly roundTrip = new RoundTrip();
  readonly loss = new Loss();

  #life: PeerLife = 'named';
  #name = '';
  #version = '';
  #capabilities = 0;
  #endpoint: Endpoint;
  #bornAt: number;
  #metAt: number;
  #heardAt: number;
  /** It is in the queue of those to be flushed in this turn. */
  #isQueued = false;

  /** Eight parts: the sessions share the timers with the peer, and a session is made with limits that a peer need not know. */
  constructor(
    readonly bootId: Buffer,
    /** A small number for this boot in tables. It is never used again. */
    readonly index: number,
    readonly keys: PeerKeys,
    readonly timers: PeerTimers,
    readonly incoming: IncomingSession,
    readonly outgoing: OutgoingSession,
    endpoint: Endpoint,
    now: number,
  ) {
    this.id = bootId.toString('hex');
    this.tag = tagOfBootId(bootId);
    this.rest = restOfBootId(bootId);
    this.#endpoint = endpoint;
    this.#bornAt = now;
    this.#metAt = now;
    this.#heardAt = now;
  }

  get life(): PeerLife {
    return this.#life;
  }

  get isProven(): boolean {
    return this.#life === 'proven' || this.#life === 'silent';
  }

  get isSilent(): boolean {
    return this.#life === 'silent';
  }

  get isGone(): boolean {
    return this.#life === 'gone';
  }

  /** Our reports list it: it is proven, or has a session of ours. Then connections also wait for its acks. */
  get isListed(): boolean {
    return this.isProven || this.outgoing.isOpen;
  }

  get name(): string {
    return this.#name;
  }

  get version(): string {
    return this.#version;
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** It takes messages to rooms. */
  get knowsRooms(): boolean {
    return (this.#capabilities & CAPABILITY_ROOMS) !== 0;
  }

  /** It takes larger datagrams, if the path to it does. */
  get knowsLargeDatagrams(): boolean {
    return (this.#capabilities & CAPABILITY_LARGE_DATAGRAMS) !== 0;
  }

  /** It takes messages to rooms from our broadcast stream, and ignores those that name its session. */
  get knowsBroadcastRooms(): boolean {
    return (this.#capabilities & CAPABILITY_BROADCAST_ROOMS) !== 0;
  }

  /** It takes messages to everybody. */
  get knowsEverybody(): boolean {
    return (this.#capabilities & CAPABILITY_EVERYBODY) !== 0;
  }

  /** It takes volatile messages in frames. */
  get knowsVolatile(): boolean {
    return (this.#capabilities & CAPABILITY_VOLATILE) !== 0;
  }

  /** It reads acks that are for several peers. */
  get knowsSharedAcks(): boolean {
    return (this.#capabilities & CAPABILITY_SHARED_ACKS) !== 0;
  }

  /** When the peer started, on our clock. */
  get bornAt(): number {
    return this.#bornAt;
  }

  /** Since when it has had the time to answer us, or to list us. */
  get metAt(): number {
    return this.#metAt;
  }

  /** R6: when its last new report came. Before it is proven: when it was last heard, or heard of. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** A datagram of its own has come. */
  hear(now: number, endpoint: Endpoint, isNewest: boolean): void {
    if (isNewest) this.#reachAt(endpoint);
    if (this.#life === 'named' || this.#life === 'gone') this.#move('hear');
    if (!this.isProven) this.#heardAt = now;
  }

  /** Another peer says that it is there, at this endpoint. That is used only while it is not proven. */
  noteHearsay(now: number, endpoint: Endpoint): void {
    if (this.isProven) return;
    this.#heardAt = now;
    // The address that it was heard from may be that of somebody who replays recordings.
    this.#reachAt(endpoint);
  }

  introduce(name: string, version: string, capabilities: number, bornAt: number): void {
    this.#name = name;
    this.#version = version;
    this.#capabilities = capabilities;
    this.#bornAt = bornAt;
  }

  /** No version of the protocol is common to us. True: that is new. A peer that is proven is not refused. */
  refuse(): boolean {
    const before = this.#life;
    this.#move('refuse');
    return this.#life !== before;
  }

  /** It has answered a HELLO. It may have been heard of long ago: its time to list us begins now. */
  prove(now: number): void {
    this.#move('prove');
    this.#metAt = now;
    this.timers.ping.set(now);
  }

  /** It has answered a HELLO, the first or another one. */
  noteAnswer(now: number): void {
    this.#heardAt = now;
  }

  /** A report newer than those before has begun to come. */
  noteReport(now: number, number: number, parts: number, members: number): void {
    this.#move('report');
    this.#heardAt = now;
    this.report.begin(number, parts, members);
  }

  fallSilent(): void {
    this.#move('fallSilent');
  }

  /** Its time to answer us begins again. */
  meetAgain(now: number): void {
    this.#metAt = now;
  }

  drop(): void {
    this.#move('drop');
  }

  /** This node slept for `ms`. That does not count against the peer. */
  forgive(now: number, ms: number): void {
    this.#heardAt += ms;
    this.#metAt += ms;
    this.incoming.forgive(ms);
    this.outgoing.forgive(now, ms);
  }

  /** R15: for `ms` nothing was carried. Its silence begins anew. */
  resume(now: number, ms: number): void {
    this.forgive(now, ms);
    this.#heardAt = now;
  }

  /** True: it did not wait in the queue of those to be flushed. */
  enqueue(): boolean {
    if (this.#isQueued) return false;
    this.#isQueued = true;
    return true;
  }

  dequeue(): void {
    this.#isQueued = false;
  }

  snapshot(now: number): PeerSnapshot {
    const { incoming, outgoing } = this;
    const isUp = this.isProven && incoming.isComplete && this.mutualStanding.isMutual;
    return {
      nodeId: this.id,
      name: this.#name,
      endpoint: this.#endpoint,
      state: this.isSilent ? 'silent' : isUp ? 'up' : 'pending',
      version: this.#version,
      roundTripMs: this.roundTrip.ms,
      loss: this.loss.share,
      datagramBytes: outgoing.path.bytes,
      uptimeMs: Math.max(0, now - this.#bornAt),
      entries: incoming.replica.entries,
      complete: incoming.isComplete,
      queuedBytes: outgoing.stream.bytes,
    };
  }

  #reachAt(endpoint: Endpoint): void {
    if (endpoint === this.#endpoint) return;
    this.#endpoint = endpoint;
    this.outgoing.path.forget();
  }

  #move(event: PeerEvent): void {
    this.#life = next(TRANSITIONS, this.#life, event);
  }
}
