/**
 * The LAN between hosts, and what it does to datagrams. The nodes are not told of any of it.
 *
 * Two kinds of faults. Conditions hold all the time faults are on (loss, duplication, delays, replays, flipped bits)
 * and are drawn once per seed. Incidents come and go and are set from outside (blocked links, clogs, a small MTU).
 * Without either, a link is a switch port: first in, first out, a fraction of a millisecond.
 *
 * The network is also the attacker: it records datagrams and replays them to any host, with any source address.
 */
import type { Arrival, Endpoint, Transmit } from '../contract.js';
import { CALM, type Conditions } from './conditions.js';
import type { Random } from './random.js';
import { Recordings } from './recordings.js';
import type { Schedule } from './schedule.js';
import { Tally } from './tally.js';
import type { Boot } from './timeline.js';
import { WideTraffic } from './wide-traffic.js';

export interface Station {
  readonly index: number;
  /** Which boot sends from there now. */
  readonly speaker: Boot | null;
  /** `sender`: who sent the datagram; null: it was replayed, doubled or changed on the way. */
  deliver(arrival: Arrival, bytes: Buffer, source: Endpoint, sender?: Boot | null): void;
}

export type TakesAway = (from: Station, transmit: Transmit) => boolean;

interface Link {
  lastArrival: number;
  blocked: boolean;
  /** What is sent to the receiver alone does not pass. */
  isUnicastBlocked: boolean;
  cloggedUntil: number;
  mtu: number;
  inBadSpell: boolean;
  dropsFragments: boolean;
}

const IP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
const DATAGRAM_HEADERS_BYTES = IP_HEADER_BYTES + UDP_HEADER_BYTES;

/** The chance that at least one of so many frames is hit, if each is hit with the given chance. */
const ofAny = (frames: number, chance: number): number =>
  frames === 1 ? chance : 1 - (1 - chance) ** frames;

export class Network {
  /** Watches the datagrams that went to one station alone. */
  readonly wide = new WideTraffic();
  /** Datagrams that did not arrive, counted per receiver. */
  readonly lost = new Tally();
  readonly duplicated = new Tally();
  /** Overtaken by later ones, so that a receiver could take them for lost. */
  readonly disordered = new Tally();
  /** Held back by a clog. Whoever waits for them, or for the acks in them, must take them for lost. */
  readonly clogged = new Tally();
  sent = 0;

  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #stations: Station[] = [];
  readonly #links: Link[][] = [];
  readonly #unicast = new Map<Endpoint, Station>();
  readonly #recordings: Recordings;
  #conditions: Conditions = CALM;
  #frameBytes = 1_500;
  #takesAway: TakesAway = () => false;

  constructor(schedule: Schedule, random: Random) {
    this.#schedule = schedule;
    this.#random = random;
    this.#recordings = new Recordings(random);
  }

  attach(station: Station): void {
    this.#stations.push(station);
    const count = this.#stations.length;
    for (let from = 0; from < count; from++) {
      const row = (this.#links[from] ??= []);
      while (row.length < count) {
        row.push({
          lastArrival: 0,
          blocked: false,
          isUnicastBlocked: false,
          cloggedUntil: 0,
          mtu: Infinity,
          inBadSpell: false,
          dropsFragments: false,
        });
      }
    }
  }

  bind(endpoint: Endpoint, station: Station): void {
    this.#unicast.set(endpoint, station);
  }

  unbind(endpoint: Endpoint): void {
    this.#unicast.delete(endpoint);
  }

  /**
   * @param conditions hold from now on
   * @param frameBytes what a frame carries, IP's headers included. Larger datagrams travel in fragments, and each can be
   *   lost alone
   */
  suffer(conditions: Conditions, frameBytes: number): void {
    this.#conditions = conditions;
    this.#frameBytes = frameBytes;
  }

  /** Shows each datagram that is sent. Those for which it returns true go nowhere. */
  intercept(takesAway: TakesAway): void {
    this.#takesAway = takesAway;
  }

  send(from: Station, source: Endpoint, transmit: Transmit): void {
    if (this.#takesAway(from, transmit)) return;
    this.sent += 1;
    if (transmit.to === null) {
      for (const station of this.#stations) this.#carry(from, station, 'shared', transmit.bytes, source);
    } else {
      const station = this.#unicast.get(transmit.to);
      if (station === undefined) this.lost.add(transmit.bytes);
      else this.#carry(from, station, 'own', transmit.bytes, source);
    }
    if (this.#random.chance(this.#conditions.replay)) this.#playBack();
  }

  block(from: number, to: number, blocked: boolean): void {
    const link = this.#links[from]?.[to];
    if (link !== undefined) link.blocked = blocked;
  }

  /** A firewall that lets broadcasts through and drops unicast. */
  blockUnicast(from: number, to: number): void {
    const link = this.#links[from]?.[to];
    if (link !== undefined) link.isUnicastBlocked = true;
  }

  clog(from: number, to: number, until: number): void {
    const link = this.#links[from]?.[to];
    if (link !== undefined) link.cloggedUntil = until;
  }

  limit(from: number, to: number, mtu: number): void {
    const link = this.#links[from]?.[to];
    if (link !== undefined) link.mtu = mtu;
  }

  /** From now on no fragments pass: a firewall sees no port in them, but for the first. Lasts to the end of the run. */
  dropFragments(from: number, to: number): void {
    const link = this.#links[from]?.[to];
    if (link !== undefined) link.dropsFragments = true;
  }

  /** Ends all incidents. The caller resets the conditions. */
  mend(): void {
    for (const row of this.#links) {
      for (const link of row) {
        link.blocked = false;
        link.isUnicastBlocked = false;
        link.cloggedUntil = 0;
        link.mtu = Infinity;
        link.inBadSpell = false;
      }
    }
  }

  #carry(from: Station, to: Station, arrival: Arrival, bytes: Buffer, source: Endpoint): void {
    const schedule = this.#schedule;
    const random = this.#random;
    if (from === to) {
      schedule.at(schedule.now + 0.02, () => to.deliver(arrival, Buffer.from(bytes), source));
      return;
    }
    const conditions = this.#conditions;
    if (conditions.replay > 0) this.#recordings.add({ bytes, arrival, receiver: to.index, source });
    const link = this.#links[from.index]?.[to.index];
    const isCarried = link !== undefined && !link.blocked && bytes.length <= link.mtu;
    if (!isCarried || (arrival === 'own' && link.isUnicastBlocked)) {
      this.lost.add(bytes);
      return;
    }
    const frames = this.#framesOf(bytes.length);
    const isFiltered = frames > 1 && link.dropsFragments;
    const isLost = isFiltered || this.#isLost(link, to, arrival, bytes.length, frames);
    if (arrival === 'own') this.wide.note(from, to, bytes, isLost, schedule.now);
    if (isLost) {
      this.lost.add(bytes);
      return;
    }
    let delay = conditions.delayMs + conditions.jitterMs * random.float();
    let inOrder = true;
    if (random.chance(ofAny(frames, conditions.reorder))) {
      delay += conditions.reorderMs * random.float();
      inOrder = false;
    }
    if (random.chance(conditions.tail)) {
      delay += conditions.tailMs * random.float();
      inOrder = false;
    }
    let due = schedule.now + delay;
    if (link.cloggedUntil > due) {
      due = link.cloggedUntil;
      this.clogged.add(bytes);
    }
    if (!inOrder) {
      this.disordered.add(bytes);
    } else {
      due = Math.max(due, link.lastArrival);
      link.lastArrival = due;
    }
    const flipped = random.chance(conditions.flip) ? withFlippedBit(bytes, random) : null;
    const sender = flipped === null ? from.speaker : null;
    schedule.at(due, () => to.deliver(arrival, Buffer.from(flipped ?? bytes), source, sender));
    if (flipped !== null) this.lost.add(bytes);
    if (random.chance(conditions.duplicate)) {
      this.duplicated.add(bytes);
      const again = due + conditions.delayMs + conditions.reorderMs * random.float();
      schedule.at(again, () => to.deliver(arrival, Buffer.from(bytes), source));
    }
  }

  #framesOf(length: number): number {
    if (length + DATAGRAM_HEADERS_BYTES <= this.#frameBytes) return 1;
    return Math.ceil((length + UDP_HEADER_BYTES) / (this.#frameBytes - IP_HEADER_BYTES));
  }

  #isLost(link: Link, to: Station, arrival: Arrival, length: number, frames: number): boolean {
    const { loss, broadcastLoss, receiverLoss, sizeLoss, burst } = this.#conditions;
    const random = this.#random;
    if (random.chance(ofAny(frames, loss))) return true;
    if (arrival === 'shared' && random.chance(ofAny(frames, broadcastLoss))) return true;
    if (receiverLoss?.receiver === to.index && random.chance(ofAny(frames, receiverLoss.loss))) return true;
    if (
      sizeLoss !== null &&
      length >= sizeLoss.from &&
      length <= sizeLoss.to &&
      random.chance(sizeLoss.loss)
    ) {
      return true;
    }
    if (burst === null) return false;
    link.inBadSpell = link.inBadSpell ? !random.chance(burst.leave) : random.chance(burst.enter);
    return link.inBadSpell && random.chance(burst.loss);
  }

  /** Replays an old datagram, to its receiver or to another host, with its source address or another one. */
  #playBack(): void {
    const random = this.#random;
    const recording = this.#recordings.pick();
    if (recording === undefined) return;
    const receiver = random.chance(0.7) ? this.#stations[recording.receiver] : random.pick(this.#stations);
    const source = random.chance(0.8) ? recording.source : '10.9.9.9:6666';
    const delay = random.chance(0.5) ? 1 : random.between(0, 2000);
    this.#schedule.after(delay, () =>
      receiver?.deliver(recording.arrival, Buffer.from(recording.bytes), source),
    );
  }
}

function withFlippedBit(bytes: Buffer, random: Random): Buffer {
  const flipped = Buffer.from(bytes);
  const index = random.below(flipped.length);
  flipped[index] = (flipped[index] ?? 0) ^ (1 << random.below(8));
  return flipped;
}
