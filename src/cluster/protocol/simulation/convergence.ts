/**
 * Liveness: when the faults are over, the cluster must recover by itself, and stay in order.
 *
 * First the state: all nodes ready, all peers up, nothing queued, every replica complete and as large as the truth.
 * Then the proof by use: every node sends to every user and wants a receipt, and asks all others a question. Every
 * message must arrive and be counted exactly. A message to an offline user must cost nothing. Meanwhile no node may
 * report anything about another.
 */
import type { PeerSnapshot } from '../contract.js';
import { addressOf, EVERYBODY, namedAddresses } from './addresses.js';
import type { Host, Running } from './host.js';
import { Violation } from './violation.js';
import type { World } from './world.js';

interface Sent {
  readonly id: number;
  readonly address: string;
  readonly running: Running;
}

export class Convergence {
  readonly #world: World;
  readonly #sent: Sent[] = [];
  readonly #sentVolatile: Sent[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Throws the first thing that is not as it should be. */
  check(): void {
    const nodes = this.#nodes();
    for (const running of nodes) {
      const { boot, application } = running;
      const { node } = application;
      const problems = node.problems();
      if (!node.isReady()) this.#fail(running, `is not ready: ${problems.join('; ')}`);
      if (problems.length > 0) this.#fail(running, `has problems: ${problems.join('; ')}`);
      const { queuedBytes, queuedRecords } = node.statistics();
      // A recorded HELLO of a dead boot may have opened a session. It ends when the boot is forgotten.
      if (!this.#hasReplays && (queuedBytes !== 0 || queuedRecords !== 0)) {
        this.#fail(running, `has ${queuedRecords} records of ${queuedBytes} B queued`);
      }
      const peers = new Map(node.peers().map((peer) => [peer.nodeId, peer]));
      for (const other of nodes) {
        if (other.boot !== boot) this.#checkPeer(running, other, peers.get(other.boot.nodeId));
      }
      if (peers.size !== nodes.length - 1) {
        this.#fail(running, `knows ${peers.size} peers, there are ${nodes.length - 1}`);
      }
      if (application.isCongested) this.#fail(running, 'still calls itself congested');
      application.finish();
      application.presence?.compare(new Set(nodes.map(({ boot: { index } }) => index)));
    }
  }

  /** Starts the proof by use. */
  prove(): void {
    for (const running of this.#nodes()) {
      running.process.enqueue((_node, now) => {
        for (const address of [...this.#allAddresses(), EVERYBODY]) {
          const id = running.application.send(now, address, null, 60, true);
          this.#sent.push({ id, address, running });
        }
        running.application.ask(now, 40);
      });
    }
    // When all that has arrived: volatile messages are dropped where others wait.
    const { schedule, scenario } = this.#world;
    schedule.after(scenario.timing.receiptTimeoutMs, () => this.#proveVolatile());
  }

  #proveVolatile(): void {
    for (const running of this.#nodes()) {
      const other = this.#nodes().find(
        ({ boot, application }) => boot !== running.boot && application.devices.length > 0,
      );
      const address = other?.application.devices[0]?.address;
      if (address === undefined) continue;
      running.process.enqueue((_node, now) => {
        const id = running.application.sendVolatile(now, address, 40);
        this.#sentVolatile.push({ id, address, running });
      });
    }
  }

  judgeProof(): void {
    const { promises } = this.#world;
    for (const { id, address, running } of this.#sent) {
      if (address !== EVERYBODY) this.#checkHolders(running, address);
      const elsewhere = this.#devicesElsewhere(running, address);
      if (this.#areMarksFew && promises.wasRefused(id)) continue;
      if (!promises.isPerfect(id, elsewhere, this.#hasReplays)) {
        this.#fail(running, `sent to ${elsewhere} devices in perfect calm, but ${promises.describe(id)}`);
      }
      if (address !== EVERYBODY) this.#checkBystanders(running, id, address);
    }
    for (const { id, address, running } of this.#sentVolatile) {
      const elsewhere = this.#devicesElsewhere(running, address);
      if (!promises.hasReached(id, elsewhere)) {
        this.#fail(running, `sent to ${elsewhere} devices in perfect calm, but ${promises.describe(id)}`);
      }
    }
  }

  #devicesElsewhere(running: Running, address: string): number {
    const others = this.#nodes().filter((other) => other !== running);
    const devices = others.flatMap(({ application }) => application.devices);
    return devices.filter((device) => address === EVERYBODY || device.address === address).length;
  }

  /** One node stops as an operator would stop it. */
  sayGoodBye(): Running {
    const [leaver] = this.#nodes();
    if (leaver === undefined) throw new RangeError('there is nobody to leave');
    this.#world.shutDown(this.#world.homeHosts[leaver.boot.host] as Host);
    return leaver;
  }

  /** The peers drop a node that leaves at once. They do not wait until it would count as dead. */
  judgeGoodBye(leaver: Running): void {
    for (const running of this.#nodes()) {
      const { boot, application } = running;
      if (boot === leaver.boot) this.#fail(running, 'has not ended');
      if (application.node.peers().some(({ nodeId }) => nodeId === leaver.boot.nodeId)) {
        this.#fail(running, `still lists #${leaver.boot.index}, which said good-bye`);
      }
    }
  }

  /** A look-up returns exactly the nodes that hold the address. */
  #checkHolders(running: Running, address: string): void {
    const { boot, process, application } = running;
    const now = process.clock.local(this.#world.schedule.now);
    const { peers, complete } = application.node.holders(now, addressOf(address));
    const truth = this.#nodes()
      .filter(
        (other) =>
          other.boot !== boot && other.application.devices.some((device) => device.address === address),
      )
      .map((other) => other.boot.nodeId);
    const isTrue = peers.length === truth.length && truth.every((nodeId) => peers.includes(nodeId));
    if (!isTrue) {
      this.#fail(running, `knows ${peers.length} holders of ${address}, of whom there are ${truth.length}`);
    }
    const told = application.isToldHeld(address);
    if (told !== undefined && told !== truth.length > 0) {
      this.#fail(running, `was told that ${address} is ${told ? 'held' : 'gone'}, which it is not`);
    }
    if (!complete && !this.#hasReplays) {
      this.#fail(running, `cannot say in perfect calm who holds ${address}`);
    }
  }

  /** In perfect calm a message goes to no node without a device of its address. */
  #checkBystanders(running: Running, id: number, address: string): void {
    const reached = this.#world.promises.reachedBy(id);
    for (const { boot, application } of this.#nodes()) {
      const isHolder = application.devices.some((device) => device.address === address);
      if (!isHolder && reached.has(boot.index)) {
        this.#fail(running, `sent #${id} to ${address}, and #${boot.index}, which does not hold it, got it`);
      }
    }
  }

  #checkPeer(running: Running, other: Running, peer: PeerSnapshot | undefined): void {
    const who = `#${other.boot.index}`;
    if (peer === undefined) return this.#fail(running, `does not know ${who}`);
    if (peer.state !== 'up') this.#fail(running, `holds ${who} for ${peer.state}`);
    if (!peer.complete) this.#fail(running, `has an incomplete replica of ${who}`);
    if (peer.queuedBytes !== 0) this.#fail(running, `has ${peer.queuedBytes} B queued for ${who}`);
    const addresses = new Set(other.application.devices.map(({ address }) => address)).size;
    const watched = other.application.presence?.watched.length ?? 0;
    if (peer.entries !== addresses + watched) {
      this.#fail(running, `knows ${peer.entries} addresses of ${who}, who holds ${addresses + watched}`);
    }
  }

  /** Rooms whose marks are folded may have to wait for each other. */
  get #areMarksFew(): boolean {
    return this.#world.scenario.limits.roomMarksMax < this.#allAddresses().length;
  }

  get #hasReplays(): boolean {
    return this.#world.scenario.conditions.replay > 0;
  }

  #allAddresses(): string[] {
    const named = namedAddresses(this.#world.scenario.workload);
    const storm = this.#nodes().flatMap(({ application }) =>
      application.devices.slice(0, 3).map(({ address }) => address),
    );
    return [...new Set([...named, ...storm])];
  }

  #nodes(): Running[] {
    return this.#world.homeHosts.flatMap(({ running }) => (running === null ? [] : [running]));
  }

  #fail(running: Running, what: string): void {
    throw new Violation('liveness', `#${running.boot.index} ${what}`);
  }
}
