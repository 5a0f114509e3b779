/**
 * A minimal version of what uses the protocol core in a real node: devices that come and go, answers to questions,
 * acknowledgements of messages. It passes every event to the oracles, which judge it.
 *
 * A device that is joining gets no messages. It is ready when the core says `reachable`. A real node sends the 101 of
 * a connection at the same moment.
 */
import type { ProtocolEvent, ProtocolNode } from '../contract.js';
import { addressOf, EVERYBODY, roomCalled } from './addresses.js';
import { Audit } from './audit.js';
import { Deadlines } from './deadlines.js';
import { Device } from './device.js';
import type { Datagram } from './kernel.js';
import type { Expectations, Oracles } from './oracles.js';
import { OutageWatch } from './outage-watch.js';
import type { Occupant } from './process.js';
import { bodyOf } from './bodies.js';
import { BODY_BYTES_MIN, type Way } from './message-log.js';
import type { PresenceMember } from './presence-member.js';
import type { Boot } from './timeline.js';
import { Violation } from './violation.js';

export const QUESTION_TIMEOUT_MS = 700;

type Arrived = ProtocolEvent & { readonly type: 'message' | 'room-message' | 'message-to-all' };

/** So many fit into a frame of the smallest datagrams, whatever names stand before them. */
export const VOLATILE_FRAME_BYTES_MAX = 200;

interface Sending {
  readonly to: string;
  readonly from: string | null;
  readonly bytes: number;
  readonly wantsReceipt: boolean;
  readonly way: Way;
}

interface Question {
  readonly token: number;
  readonly body: Buffer;
}

export class Application implements Occupant {
  readonly devices: Device[] = [];
  readonly warnings = new Map<string, number>();
  isCongested = false;

  readonly outage: OutageWatch;
  readonly #joining: Deadlines<Device>;
  readonly #receipts: Deadlines<number>;
  readonly #questions: Deadlines<Question>;
  readonly #audit: Audit;
  /** Watched addresses, and whether the core said that another node holds them. */
  readonly #watched = new Map<string, boolean>();
  readonly #tokensByDevice = new Map<Device, number>();
  #nextToken = 1;
  #roomBroadcasts = 0;

  constructor(
    readonly boot: Boot,
    readonly node: ProtocolNode,
    readonly oracles: Oracles,
    readonly expectations: Expectations,
    /** Null: nobody is seen in rooms. */
    readonly presence: PresenceMember | null,
  ) {
    const { deadAfterMs, slackMs } = expectations;
    this.outage = new OutageWatch(deadAfterMs);
    this.#joining = new Deadlines('reachable', slackMs);
    this.#receipts = new Deadlines('receipts', slackMs);
    this.#questions = new Deadlines('answers', slackMs);
    this.#audit = new Audit(node, expectations);
  }

  watch(addresses: readonly string[]): void {
    for (const address of addresses) {
      this.#watched.set(address, false);
      this.node.watch(addressOf(address));
    }
  }

  /** Whether the core has told that another node holds the watched address; undefined: it is not watched. */
  isToldHeld(address: string): boolean | undefined {
    return this.#watched.get(address);
  }

  join(now: number, address: string): void {
    const device = new Device(this.oracles.nextDevice(), address, this.boot);
    const token = this.#nextToken++;
    this.#joining.expect(token, now, this.expectations.barrierMs, device);
    this.outage.noteAsked(token);
    this.#tokensByDevice.set(device, token);
    this.devices.push(device);
    this.oracles.promises.arrives(device);
    this.oracles.trace.note(
      this.oracles.worldNow(),
      () => `#${this.boot.index} join ${address} as device ${device.id}`,
    );
    this.node.join(now, addressOf(address), token);
  }

  leave(now: number, device: Device): void {
    const token = this.#tokensByDevice.get(device);
    if (token === undefined || device.isGone) return;
    this.devices.splice(this.devices.indexOf(device), 1);
    this.#tokensByDevice.delete(device);
    if (!device.isReady) this.#joining.cancel(token);
    this.oracles.promises.leaves(device);
    this.oracles.trace.note(this.oracles.worldNow(), () => `#${this.boot.index} leave ${device.address}`);
    this.node.leave(now, addressOf(device.address), token);
  }

  /** Returns the message's entry in the message log. */
  send(now: number, to: string, from: string | null, bytes: number, wantsReceipt: boolean): number {
    return this.#send(now, { to, from, bytes, wantsReceipt, way: 'certain' });
  }

  /** `bytes`: few enough for a frame, or too many for any. */
  sendVolatile(now: number, to: string, bytes: number): number {
    const way = bytes <= VOLATILE_FRAME_BYTES_MAX ? 'volatile frame' : 'volatile record';
    return this.#send(now, { to, from: null, bytes, wantsReceipt: false, way });
  }

  #send(now: number, { to, from, bytes, wantsReceipt, way }: Sending): number {
    const { promises } = this.oracles;
    const id = promises.nextId;
    const data = bodyOf(id, bytes);
    const token = wantsReceipt ? this.#nextToken++ : 0;
    this.outage.noteAsked(token);
    const lent = Buffer.from(data);
    const { kind, name } = addressOf(to);
    const isVolatile = way !== 'certain';
    const mayBeBroadcast = kind === 'room' || to === EVERYBODY;
    const result =
      to === EVERYBODY
        ? this.node.sendToAll(now, { from, data: lent }, token)
        : kind === 'user'
          ? this.node.send(now, { to: name, from, data: lent, isVolatile }, token)
          : this.node.sendToRoom(now, { room: name, from, data: lent, isVolatile }, token);
    if (!isVolatile) this.outage.noteSent(result);
    // The core must not keep the caller's buffer: a gateway's frames are views of a socket's buffer.
    lent.fill(0xdb);
    if (wantsReceipt && (result === 'queued' || result === 'none')) {
      this.#receipts.expect(token, now, this.expectations.receiptTimeoutMs, id);
    }
    const isBroadcast = mayBeBroadcast && this.#hasBroadcastAnother();
    this.oracles.trace.note(
      this.oracles.worldNow(),
      () =>
        `#${this.boot.index} send #${id} to ${to} (${bytes} B${wantsReceipt ? ', receipt' : ''}, ${way}${isBroadcast ? ', by broadcast' : ''}): ${result}`,
    );
    const wayTaken = isVolatile && isBroadcast ? 'volatile broadcast' : way;
    promises.sent(this.boot, { to, from, data }, wayTaken, token, result, this.oracles.worldNow());
    if (isBroadcast) promises.noteBroadcast(id);
    return id;
  }

  /** Whether there is a room broadcast since this was asked last. */
  #hasBroadcastAnother(): boolean {
    const before = this.#roomBroadcasts;
    this.#roomBroadcasts = this.node.statistics().roomBroadcasts;
    return this.#roomBroadcasts > before;
  }

  publish(now: number, bytes: number): void {
    const { promises, timeline, boots } = this.oracles;
    const at = this.oracles.worldNow();
    const body = bodyOf(promises.nextId, bytes);
    const receivers = boots.filter(
      (other) =>
        other !== this.boot &&
        other.endedAt === Infinity &&
        timeline.trusts(other, this.boot, at) &&
        timeline.trusts(this.boot, other, at),
    );
    const accepted = this.node.publish(now, 'audit', Buffer.from(body));
    promises.published(this.boot, body, accepted, receivers, at);
  }

  ask(now: number, bytes: number): void {
    const token = this.#nextToken++;
    const body = Buffer.alloc(Math.max(bytes, BODY_BYTES_MIN), token & 0xff);
    this.#questions.expect(token, now, QUESTION_TIMEOUT_MS, { token, body });
    this.outage.noteAsked(token);
    this.oracles.trace.note(this.oracles.worldNow(), () => `#${this.boot.index} asks, token ${token}`);
    this.node.ask(now, 'echo', body, QUESTION_TIMEOUT_MS, token);
  }

  hasRead(datagram: Datagram): void {
    this.oracles.hearing.note(this.boot, datagram, this.oracles.worldNow());
  }

  pollTimeout(): number {
    return this.presence?.pollTimeout() ?? Infinity;
  }

  handleTimeout(now: number): void {
    this.presence?.handleTimeout(now);
  }

  handle(event: ProtocolEvent, now: number): void {
    const { promises, timeline, trace } = this.oracles;
    const at = this.oracles.worldNow();
    timeline.note(this.boot, event, at);
    this.outage.judge(event, now);
    trace.text(event.type);
    if (this.presence?.handle(event, now) === true) return;
    switch (event.type) {
      case 'message':
        this.#receive(event, event.to, now);
        return;
      case 'room-message':
        this.#receive(event, roomCalled(event.room), now);
        return;
      case 'message-to-all':
        this.#receive(event, EVERYBODY, now);
        return;
      case 'receipt': {
        const { token, delivered, complete } = event;
        trace.note(at, () => `#${this.boot.index} receipt ${token}: ${delivered}, complete ${complete}`);
        promises.receiptCame(this.#receipts.meet(token), delivered, complete, at);
        return;
      }
      case 'reachable': {
        const device = this.#joining.meet(event.token);
        device.admit();
        if (event.complete) this.oracles.judgeReach(device);
        trace.note(at, () => `#${this.boot.index} device ${device.id} of ${device.address} is reachable`);
        return;
      }
      case 'holders': {
        const { address, isHeld } = event;
        const name = address.kind === 'room' ? roomCalled(address.name) : address.name;
        if (this.#watched.get(name) === isHeld) throw new Violation('watch', `${name}: ${isHeld} said twice`);
        this.#watched.set(name, isHeld);
        trace.note(at, () => `#${this.boot.index} sees ${name} ${isHeld ? 'held' : 'gone'}`);
        return;
      }
      case 'publication':
        promises.publicationReceived(this.boot, event.peer, event.body);
        return;
      case 'question':
        this.node.answer(now, event.peer, event.id, Buffer.from(event.body));
        return;
      case 'answers':
        this.#judgeAnswers(event);
        return;
      case 'congestion':
        if (event.congested === this.isCongested) throw new Violation('congestion', 'said twice');
        this.isCongested = event.congested;
        return;
      case 'peer':
        trace.note(
          at,
          () => `#${this.boot.index} says ${event.peer.nodeId.slice(0, 6)} ${event.change}: ${event.reason}`,
        );
        return;
      case 'gap':
        trace.note(
          at,
          () => `#${this.boot.index} names ${event.peer.slice(0, 6)}: ${event.kind}, ${event.reason}`,
        );
        return;
      case 'warning':
        trace.note(at, () => `#${this.boot.index} warns ${event.code}: ${event.message}`);
        this.warnings.set(event.code, (this.warnings.get(event.code) ?? 0) + 1);
    }
  }

  turnEnded(now: number, stalledMs: number): void {
    this.#joining.check(now, stalledMs);
    this.#receipts.check(now, stalledMs);
    this.#questions.check(now, stalledMs);
    this.#audit.turnEnded();
  }

  /** At the end of the run: nothing may be outstanding. */
  finish(): void {
    this.#joining.finish();
    this.#receipts.finish();
    this.#questions.finish();
  }

  #receive(event: Arrived, to: string, now: number): void {
    const { promises, trace } = this.oracles;
    const { peer, from, data, receipt } = event;
    const isVolatile = event.type !== 'message-to-all' && event.isVolatile;
    trace.note(this.oracles.worldNow(), () => `#${this.boot.index} got #${data.readUInt32LE(0)} for ${to}`);
    const count = promises.received(this.boot, peer, to, from, data, receipt !== 0, isVolatile);
    if (receipt !== 0) this.node.acknowledge(now, peer, receipt, count);
  }

  #judgeAnswers(event: ProtocolEvent & { readonly type: 'answers' }): void {
    const question = this.#questions.meet(event.token);
    this.oracles.trace.note(
      this.oracles.worldNow(),
      () =>
        `#${this.boot.index} has ${event.answers.length} answers, token ${event.token}, missing ${event.missing.length}`,
    );
    const seen = new Set(event.missing);
    if (seen.size !== event.missing.length) throw new Violation('answers', 'a node is missing twice');
    for (const { peer, body } of event.answers) {
      if (seen.has(peer)) throw new Violation('answers', `${peer} appears twice`);
      seen.add(peer);
      if (!body.equals(question.body)) throw new Violation('answers', `${peer} answered another question`);
      const boot = this.oracles.boots.find((other) => other.nodeId === peer);
      if (boot?.cluster !== this.boot.cluster) throw new Violation('secrecy', `answer of foreign ${peer}`);
    }
  }
}
