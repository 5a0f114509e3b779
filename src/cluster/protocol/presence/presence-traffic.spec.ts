import { beforeEach, describe, expect, it } from '@jest/globals';
import { nodeCipherSuite } from '../../bus/cipher-suites.js';
import { OpenWire } from '../testing/open-wire.js';
import { VirtualLan, type Host } from '../testing/virtual-lan.js';
import { FRAME_RECORD_UNICAST } from '../wire/frames.js';
import { PresenceBook } from './presence-book.js';

const ROOM = 'chat:42';
const CHANNEL = 'presence';
const STEP_MS = 5;

/** A node with a book, on a LAN with a virtual clock. */
class Node {
  readonly book: PresenceBook;
  readonly shown = new Set<string>();
  #handled = 0;

  constructor(
    private readonly lan: VirtualLan,
    private readonly host: Host,
  ) {
    const { node } = host;
    this.book = new PresenceBook(
      { graceMs: 1_000, usersMax: 100, infoBytesMax: 10_000 },
      {
        tellWatchers: (name, message) =>
          node.publishToHolders(lan.now, { kind: 'watch', name }, CHANNEL, bytesOf(message)),
        tell: (peer, message) => node.publishTo(lan.now, peer, CHANNEL, bytesOf(message)),
        peers: () => node.peers().map(({ nodeId }) => nodeId),
        show: (_room, change) => {
          for (const { user } of change?.joined ?? []) this.shown.add(user);
          for (const user of change?.left ?? []) this.shown.delete(user);
        },
      },
    );
  }

  enter(user: string): void {
    this.book.enter(this.lan.now, ROOM, { connection: user, user, at: this.lan.now, info: '' });
  }

  watch(): void {
    this.book.watch(this.lan.now, ROOM, () => undefined);
    this.host.node.join(this.lan.now, { kind: 'watch', name: ROOM }, 1);
  }

  /** What the core has told by now, and the book's own deadlines. */
  work(): void {
    const { events } = this.host;
    for (; this.#handled < events.length; this.#handled++) {
      const event = events[this.#handled];
      if (event?.type === 'reachable') this.book.reached(this.lan.now, ROOM, event.complete);
      if (event?.type === 'publication') {
        this.book.receive(this.lan.now, event.peer, JSON.parse(event.body.toString()));
      }
    }
    if (this.book.pollTimeout() <= this.lan.now) this.book.handleTimeout(this.lan.now);
  }
}

function bytesOf(message: unknown): Buffer {
  return Buffer.from(JSON.stringify(message));
}

describe('who is seen in a room', () => {
  let lan: VirtualLan;
  let wire: OpenWire;
  let nodes: [Node, Node, Node];

  const run = (milliseconds: number): void => {
    for (const end = lan.now + milliseconds; lan.now < end;) {
      lan.run(STEP_MS);
      for (const node of nodes) node.work();
    }
  };
  /** Datagrams with a message from one node to another, in so much time. */
  const sentIn = (milliseconds: number): number => {
    const before = lan.recorded.length;
    run(milliseconds);
    return lan.recorded.slice(before).filter(({ transmit }) => wire.carries(transmit, FRAME_RECORD_UNICAST))
      .length;
  };

  beforeEach(() => {
    lan = new VirtualLan(nodeCipherSuite);
    wire = new OpenWire(lan, nodeCipherSuite);
    nodes = ['a', 'b', 'c'].map((name) => new Node(lan, lan.add(name))) as [Node, Node, Node];
    run(6_000);
  });

  it('costs no datagram in 10 s in which nothing changes', () => {
    const [watcher, source, other] = nodes;
    watcher.watch();
    other.watch();
    for (let user = 0; user < 50; user++) source.enter(`user-${user}`);
    run(3_000);
    expect([watcher.shown.size, other.shown.size]).toEqual([50, 50]);
    expect(sentIn(10_000)).toBe(0);
    // the check can fail: a change is told
    source.enter('one more');
    expect(sentIn(400)).toBeGreaterThan(0);
    expect(watcher.shown.size).toBe(51);
  });

  it('costs nodes that do not look nothing when it changes', () => {
    const [watcher, source] = nodes;
    watcher.watch();
    run(3_000);
    const bystander = lan.hosts[2] as Host;
    const before = lan.recorded.length;
    const events = bystander.events.length;
    for (let user = 0; user < 50; user++) {
      source.enter(`user-${user}`);
      run(20);
    }
    run(300);
    expect(watcher.shown.size).toBe(50);
    const came = bystander.events.slice(events).filter(({ type }) => type === 'publication');
    const sent = lan.recorded
      .slice(before)
      .filter(
        ({ transmit }) => transmit.to === bystander.endpoint && wire.carries(transmit, FRAME_RECORD_UNICAST),
      );
    expect([came.length, sent.length]).toEqual([0, 0]);
  });
});
