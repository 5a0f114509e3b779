/** Another boot of a node: who it is, the keys between us, signs of life, and one session in each direction. */
import { tagOfBootId, restOfBootId } from './datagram.js';
import type { Endpoint, NodeId, PeerState } from './contract.js';
import type { IncomingSession } from './incoming-session.js';
import { MutualStanding } from './mutual-standing.js';
import type { OutgoingSession } from './outgoing-session.js';
import type { PeerTimers } from './peer-timers.js';
import type { OpeningChannel, SealingChannel } from './sealing.js';

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

  name = '';
  version = '';
  /** No version of the protocol is common to us: that was said, and nothing more can be. */
  isRefused = false;
  /** When the peer started, on our clock. */
  bornAt: number;

  /**
   * It has answered a HELLO of ours, and so lives. Whatever else it says, be it sealed for us, may be a recording of what
   * never arrived: before its answer it is only heard of.
   */
  isProven = false;
  /** R6: when its last new report came. Only reports refresh liveness, once it is proven; before, whatever is heard of it. */
  heardAt: number;
  lastReport = 0;
  /** Parts of the report `partsOf` that have come, and whether one of them listed us. */
  partsOf = 0;
  partsSeen = 0;
  isListedInParts = false;

  isSilent = false;
  /** Dropped: whoever still holds this object must not send to it. */
  isGone = false;
  /** A datagram of its own has come; false: others told us of it. */
  wasHeard = false;
  /** Its output waits in this turn: it is in the node's list of peers to flush. */
  isDirty = false;

  readonly mutualStanding = new MutualStanding();

  roundTripMs: number | null = null;
  pingToken = 0;
  pingSentAt = 0;

  /** Of the records it sent us, lately: those that came, and those asked for again. Halved at every report. */
  recordsCame = 0;
  recordsAsked = 0;

  constructor(
    readonly bootId: Buffer,
    /** Small and never used again: names this boot in tables. */
    readonly index: number,
    readonly keys: PeerKeys,
    readonly timers: PeerTimers,
    readonly incoming: IncomingSession,
    readonly outgoing: OutgoingSession,
    public endpoint: Endpoint,
    /** When we first heard of it. */
    public metAt: number,
  ) {
    this.id = bootId.toString('hex');
    this.tag = tagOfBootId(bootId);
    this.rest = restOfBootId(bootId);
    this.bornAt = metAt;
    this.heardAt = metAt;
  }

  /** Proven, or in possession of a session of ours: what it has applied matters, and it has to be told how we stand. */
  get isCounted(): boolean {
    return this.isProven || this.outgoing.isOpen;
  }

  get state(): PeerState {
    if (this.isSilent) return 'silent';
    return this.isProven && this.incoming.isComplete && this.mutualStanding.isMutual ? 'up' : 'pending';
  }

  get loss(): number {
    const all = this.recordsCame + this.recordsAsked;
    return all === 0 ? 0 : Math.min(1, this.recordsAsked / all);
  }

  noteRoundTrip(ms: number): void {
    this.roundTripMs = this.roundTripMs === null ? ms : this.roundTripMs * 0.875 + ms * 0.125;
  }
}
