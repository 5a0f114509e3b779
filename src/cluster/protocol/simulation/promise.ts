/**
 * The oracle of the cluster's promise (no silent miss).
 *
 * An obligation is a message and a node with devices that were ready before the message was accepted. When its time
 * is up, one of these must be true: the message has arrived there (`MessageLog`); the devices or one of the two nodes
 * are gone; one of the nodes has reported an event about the other (`Timeline`). The count of a complete receipt must
 * stay exact, and every holder must have been asked (`Claims`).
 */
import type { OutgoingMessage, SendResult } from '../contract.js';
import { EVERYBODY } from './addresses.js';
import { Claims } from './claims.js';
import type { Device } from './device.js';
import { isAccepted, MessageLog, PUBLICATION, type Entry, type Way } from './message-log.js';
import type { Stalls } from './stalls.js';
import type { Boot, Timeline } from './timeline.js';
import { Violation } from './violation.js';

interface Obligation {
  readonly entry: Entry;
  readonly receiver: Boot;
  /** Null: a publication, owed to the node itself. */
  readonly devices: readonly Device[] | null;
}

/** What can be seen of boots from outside. */
export interface Witness {
  /** Whether the node has the other in its list of peers, in whatever state. */
  lists(observer: Boot, subject: Boot): boolean;
  /** Whether datagrams of the other have come to the node lately: it knows that somebody is there. */
  hears(listener: Boot, sender: Boot, at: number): boolean;
}

export class Promises {
  readonly #timeline: Timeline;
  readonly #stalls: Stalls;
  readonly #witness: Witness;
  readonly #log = new MessageLog();
  readonly #claims: Claims;
  readonly #obligations: Obligation[] = [];
  /** By the message's id: the nodes with ready devices of the user that the sender had heard when it was sent. */
  readonly #knownHolders = new Map<number, ReadonlyMap<Boot, readonly Device[]>>();
  #postponed: Obligation[] = [];
  #nextDue = 0;
  readonly #devicesByAddress = new Map<string, Device[]>();
  accepted = 0;
  delivered = 0;
  excused = 0;
  broadcasts = 0;

  constructor(timeline: Timeline, stalls: Stalls, witness: Witness) {
    this.#timeline = timeline;
    this.#stalls = stalls;
    this.#witness = witness;
    this.#claims = new Claims(timeline, stalls);
  }

  get nextId(): number {
    return this.#log.nextId;
  }

  arrives(device: Device): void {
    for (const key of keysOf(device)) {
      const devices = this.#devicesByAddress.get(key);
      if (devices === undefined) this.#devicesByAddress.set(key, [device]);
      else devices.push(device);
    }
  }

  leaves(device: Device): void {
    device.leave();
    for (const key of keysOf(device)) {
      const devices = this.#devicesByAddress.get(key);
      devices?.splice(devices.indexOf(device), 1);
    }
  }

  /** A volatile message is owed to nobody. */
  sent(
    sender: Boot,
    message: OutgoingMessage,
    way: Way,
    token: number,
    result: SendResult,
    at: number,
  ): void {
    const { to, from, data } = message;
    const entry = this.#log.enter(sender, to, from, data, way, token, result, at);
    if (!isAccepted(result)) return;
    this.accepted += 1;
    if (way !== 'certain') return;
    const byBoot = new Map<Boot, Device[]>();
    for (const device of this.#devicesByAddress.get(`${sender.cluster}/${to}`) ?? []) {
      if (!device.isReady || device.boot === sender) continue;
      const devices = byBoot.get(device.boot);
      if (devices === undefined) byBoot.set(device.boot, [device]);
      else devices.push(device);
    }
    for (const [receiver, devices] of byBoot) {
      this.#owe(entry, receiver, devices);
      if (!this.#witness.hears(sender, receiver, at)) byBoot.delete(receiver);
    }
    if (token !== 0 && byBoot.size > 0) this.#knownHolders.set(entry.id, byBoot);
  }

  published(sender: Boot, body: Buffer, accepted: boolean, receivers: readonly Boot[], at: number): void {
    const result = accepted ? 'queued' : 'congested';
    const entry = this.#log.enter(sender, PUBLICATION, null, body, 'certain', 0, result, at);
    if (!accepted) return;
    this.accepted += 1;
    for (const receiver of receivers) this.#owe(entry, receiver, null);
  }

  /** A message event. Returns how many devices it reached, which is what the application acknowledges. */
  received(
    receiver: Boot,
    peer: string,
    to: string,
    from: string | null,
    data: Buffer,
    wantsReceipt: boolean,
    isVolatile: boolean,
  ): number {
    const entry = this.#log.arrived(receiver, peer, to, data);
    if (isVolatile !== (entry.way !== 'certain')) throw new Violation('integrity', `#${entry.id}: volatile?`);
    if (entry.to !== to) throw new Violation('integrity', `#${entry.id} for ${entry.to} came for ${to}`);
    if (entry.from !== from)
      throw new Violation('integrity', `#${entry.id} from ${entry.from} came from ${from}`);
    if (wantsReceipt !== (entry.token !== 0)) throw new Violation('receipts', `#${entry.id}: flag differs`);
    let count = 0;
    for (const device of this.#devicesByAddress.get(`${receiver.cluster}/${to}`) ?? []) {
      if (device.boot === receiver && device.isReady) count += 1;
    }
    entry.acknowledge(count);
    this.delivered += count;
    if (entry.receipt?.complete === true && entry.acknowledged > entry.receipt.delivered) {
      const { delivered } = entry.receipt;
      throw new Violation('receipts', `#${entry.id} complete with ${delivered}, delivered again after`);
    }
    return count;
  }

  publicationReceived(receiver: Boot, peer: string, body: Buffer): void {
    this.#log.arrived(receiver, peer, PUBLICATION, body);
  }

  receiptCame(id: number, delivered: number, complete: boolean, at: number): void {
    const entry = this.#log.entry(id);
    if (entry === undefined) throw new Violation('receipts', `for unknown #${id}`);
    entry.settle({ delivered, complete });
    const holders = this.#knownHolders.get(id);
    this.#knownHolders.delete(id);
    if (complete && holders !== undefined) this.#claims.add(entry, holders, at);
    const isExact = complete ? delivered === entry.acknowledged : delivered <= entry.acknowledged;
    if (!isExact) {
      const { acknowledged } = entry;
      throw new Violation(
        'receipts',
        `#${id} says ${delivered}${complete ? ' (complete)' : ''}, acknowledged were ${acknowledged}`,
      );
    }
  }

  /**
   * Judges the obligations whose time is up. If a message has not arrived, the sender or the receiver must have
   * reported an event about the other. Otherwise it is a silent miss, which is a violation.
   */
  judge(now: number): void {
    const { detectionMs } = this.#timeline.bounds;
    const postponed = this.#postponed;
    this.#postponed = [];
    for (const obligation of postponed) this.#judge(obligation, now);
    this.#claims.judge(now);
    for (;;) {
      const obligation = this.#obligations[this.#nextDue];
      if (obligation === undefined || obligation.entry.at + detectionMs > now) return;
      this.#nextDue += 1;
      this.#judge(obligation, now);
    }
  }

  /**
   * Whether a message that was sent without faults had the perfect outcome. `hasReplays`: recordings of dead boots are
   * replayed, so a receipt may be incomplete: no receipt is complete while a boot is only heard of.
   */
  isPerfect(id: number, devicesElsewhere: number, hasReplays: boolean): boolean {
    const entry = this.#log.entry(id);
    if (entry?.receipt?.delivered !== devicesElsewhere) return false;
    if (!entry.receipt.complete && !hasReplays) return false;
    if (entry.to === EVERYBODY) return entry.result === 'queued';
    return entry.result === (devicesElsewhere === 0 ? 'none' : 'queued');
  }

  /** The nodes to which it has come. */
  reachedBy(id: number): ReadonlySet<number> {
    return this.#log.entry(id)?.reached ?? new Set();
  }

  wasRefused(id: number): boolean {
    return this.#log.entry(id)?.result === 'congested';
  }

  /** The message goes to several nodes by one broadcast. */
  noteBroadcast(id: number): void {
    const entry = this.#log.entry(id);
    entry?.noteBroadcast();
    this.broadcasts += 1;
  }

  /** Whether a volatile message that was sent without faults reached so many devices. */
  hasReached(id: number, devicesElsewhere: number): boolean {
    return this.#log.entry(id)?.acknowledged === devicesElsewhere;
  }

  describe(id: number): string {
    const entry = this.#log.entry(id);
    if (entry === undefined) return `#${id} is unknown`;
    const { sender, to, result, acknowledged, receipt } = entry;
    return `#${id} of #${sender.index} to ${to}: ${result}, reached ${acknowledged}, receipt ${JSON.stringify(receipt)}`;
  }

  /** Called at the end of the run. */
  finish(now: number): void {
    this.judge(now);
    const [early] = [...this.#obligations.slice(this.#nextDue), ...this.#postponed];
    if (early !== undefined && !early.entry.reached.has(early.receiver.index)) {
      throw new RangeError(`the run ended before #${early.entry.id} was due`);
    }
    this.#auditSenders();
  }

  /**
   * An event excuses a miss. But if the sender routed the message to the peer and gave it up, it must also have counted
   * it. The sender routed it, unless it sent to nobody, was named as late, or found soon after that its replica was
   * stale.
   */
  #auditSenders(): void {
    const missedByPath = new Map<string, { readonly sender: Boot; readonly receiver: Boot; ids: number[] }>();
    for (const { entry, receiver, devices } of this.#obligations) {
      const { sender, at, id } = entry;
      if (devices === null || entry.isBroadcast || entry.reached.has(receiver.index)) continue;
      if (sender.endedAt !== Infinity) continue;
      if (entry.result === 'none' || this.#timeline.wasLate(receiver, sender, at)) continue;
      if (this.#timeline.wasStale(sender, receiver, at)) continue;
      const path = `${sender.index}>${receiver.index}`;
      const missed = missedByPath.get(path) ?? { sender, receiver, ids: [] };
      missed.ids.push(id);
      missedByPath.set(path, missed);
    }
    for (const { sender, receiver, ids } of missedByPath.values()) {
      const givenUp = this.#timeline.givenUp(sender, receiver);
      if (ids.length <= givenUp) continue;
      const said = this.#timeline.describe(sender, receiver);
      throw new Violation(
        'counted misses',
        `${ids.length} messages of #${sender.index} did not reach #${receiver.index}, it counted ${givenUp}: ` +
          `${ids.slice(0, 10).join(' ')}; they said: ${said}`,
      );
    }
  }

  #judge(obligation: Obligation, now: number): void {
    const { entry, receiver } = obligation;
    if (entry.reached.has(receiver.index)) return;
    if (obligation.devices?.every((device) => device.isGone) === true) return;
    const stalledMs = this.#stalls.ofBothSince(entry.sender, receiver, entry.at);
    const due = entry.at + this.#timeline.bounds.detectionMs + stalledMs;
    if (due > now) {
      // The nodes stood still for a part of their time.
      this.#postponed.push(obligation);
      return;
    }
    if (entry.sender.endedAt <= due || receiver.endedAt <= due) return;
    const excuse = this.#timeline.excuse(entry.sender, receiver, entry.at);
    if (excuse === null) throw new Violation('no silent miss', this.#describeMiss(obligation));
    this.excused += 1;
  }

  #describeMiss({ entry, receiver }: Obligation): string {
    const what = entry.to === PUBLICATION ? 'publication' : `message to ${entry.to}`;
    const events = this.#timeline.describe(entry.sender, receiver) || 'nothing';
    return (
      `${what} #${entry.id} accepted by #${entry.sender.index} at ${entry.at.toFixed(1)} (${entry.result}, ` +
      `${entry.data.length} B) did not reach #${receiver.index}; they said: ${events}`
    );
  }

  #owe(entry: Entry, receiver: Boot, devices: readonly Device[] | null): void {
    const { sender, at } = entry;
    const haveMet =
      this.#timeline.trusts(sender, receiver, at) && this.#timeline.trusts(receiver, sender, at);
    if (!haveMet && !(this.#witness.lists(sender, receiver) && this.#witness.lists(receiver, sender))) return;
    this.#obligations.push({ entry, receiver, devices });
  }
}

/** A device gets what is for its address, and what is for everybody. */
function keysOf({ boot: { cluster }, address }: Device): readonly string[] {
  return [`${cluster}/${address}`, `${cluster}/${EVERYBODY}`];
}
