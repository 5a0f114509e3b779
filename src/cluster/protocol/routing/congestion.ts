/**
 * Whether senders have to wait: a living peer's queue is more than half full, or a message to a room found no room in the
 * broadcast stream.
 *
 * A peer that has stopped acking congests nobody. What is dropped for it is reported as incomplete. While nothing is carried
 * nobody is congested (R15): senders are not to wait for the end of an outage.
 */
import type { NodeParts } from '../node-parts.js';
import type { Peer } from '../peers/peer.js';
import type { RoomPaths } from './room-paths.js';

/** Congestion begins at half of a queue and ends at an eighth, so that it does not begin and end all the time. */
const CONGESTED_SHARE = 1 / 2;
const RELIEVED_SHARE = 1 / 8;

type Parts = Pick<NodeParts, 'carriage' | 'flow' | 'journal' | 'members'>;

export class Congestion {
  readonly #peers = new Set<Peer>();
  /** A message to a room found no room in the broadcast stream. */
  #isBroadcastFull = false;

  constructor(
    private readonly parts: Parts,
    private readonly paths: RoomPaths,
  ) {}

  /** Some living peer's queue is above the high-water mark: senders should wait. True within the very `send` that fills it. */
  get isOn(): boolean {
    return this.#peers.size > 0 || this.#isBroadcastFull;
  }

  /**
   * Nothing is heard of the peer, or it makes no progress with what it was sent: not worth waiting for. A peer that acks is
   * heard of, though its reports are lost.
   */
  isStalled(now: number, { isSilent, outgoing }: Peer): boolean {
    return (isSilent && !outgoing.backlog.isAcking(now)) || outgoing.backlog.isStalled(now);
  }

  /** The peer has a session and acks what it gets: worth waiting for. */
  answers(now: number, peer: Peer): boolean {
    return this.parts.carriage.isUp && peer.outgoing.isOpen && !this.isStalled(now, peer);
  }

  /** The peer acks, and its queue has no room for so many bytes: the message must wait. */
  isFull(now: number, peer: Peer, bytes: number): boolean {
    return this.parts.flow.isFull(peer.outgoing.stream, bytes) && this.answers(now, peer);
  }

  /** To be called when something was queued for the peer. */
  noteQueued(now: number, peer: Peer): void {
    const { backlog, stream } = peer.outgoing;
    if (!backlog.isCongested && this.parts.flow.fill(stream) >= CONGESTED_SHARE) this.review(now, peer);
  }

  /** To be called for peers whose queues have changed. It reports drops, and when congestion begins and ends. */
  review(now: number, peer: Peer): void {
    const { backlog } = peer.outgoing;
    const dropped = backlog.takeDropped(now);
    if (dropped > 0) {
      this.parts.journal.gap(
        peer,
        'incomplete',
        dropped,
        'the peer does not answer, and its queue is full or has waited for too long',
      );
    }
    const isCongested =
      !peer.isGone &&
      this.parts.flow.fill(peer.outgoing.stream) >=
        (backlog.isCongested ? RELIEVED_SHARE : CONGESTED_SHARE) &&
      this.answers(now, peer);
    if (isCongested === backlog.isCongested) return;
    if (isCongested) backlog.congest();
    else backlog.relieve();
    const before = this.#peers.size;
    if (isCongested) this.#peers.add(peer);
    else this.#peers.delete(peer);
    if (!this.#isBroadcastFull && (before === 0) !== (this.#peers.size === 0)) this.#tell(isCongested);
  }

  /** To be called every report interval, to report drops together, and because a peer can stall while no queue changes. */
  reviewAll(now: number): void {
    for (const peer of this.parts.members.all) if (peer.outgoing.backlog.dropped > 0) this.review(now, peer);
    for (const peer of this.#peers) this.review(now, peer);
  }

  /** A message that must go by broadcast was refused: the stream has no room for it. */
  fillBroadcast(): void {
    this.#setBroadcastFull(true);
  }

  /** To be called when peers have acked more of the broadcast stream, and after what was queued has gone. */
  reviewBroadcast(): void {
    if (this.#isBroadcastFull && this.paths.isRelieved) this.#setBroadcastFull(false);
  }

  #setBroadcastFull(isFull: boolean): void {
    if (isFull === this.#isBroadcastFull) return;
    this.#isBroadcastFull = isFull;
    if (this.#peers.size === 0) this.#tell(isFull);
  }

  #tell(congested: boolean): void {
    this.parts.journal.events.push({ type: 'congestion', congested });
  }
}
