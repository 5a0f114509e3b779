/**
 * What clients do. Users come and go on every node, with one or several devices. They join and leave rooms. They write
 * small and large messages, slowly or in bursts, to users and rooms that one node, several or none holds. Modules
 * publish and ask. A node gets clients only when it calls itself ready.
 */
import { EVERYBODY, roomCalled, userAt } from './addresses.js';
import { VOLATILE_FRAME_BYTES_MAX, type Application } from './application.js';
import type { Host } from './host.js';
import { BODY_BYTES_MIN } from './message-log.js';
import { GRACE_MS } from './presence-judge.js';
import type { PresenceMember } from './presence-member.js';
import type { Random } from './random.js';
import type { Workload as Rates } from './scenario.js';
import type { World } from './world.js';

/** Of what is joined and sent, where there are rooms. */
const ROOM_SHARE = 0.5;
const VOLATILES_IN_A_ROW_MAX = 5;
const PRESENCE_ROOMS = 3;
const PRESENCE_USERS = 5;
export const BULK_MESSAGES = 60;
const BULK_BYTES_MIN = 400;
const BULK_BYTES_MAX = 1_000;

export class Workload {
  readonly #world: World;
  readonly #random: Random;
  readonly #rates: Rates;
  #isOver = false;
  #nextConnection = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random.fork('workload');
    this.#rates = world.scenario.workload;
  }

  start(): void {
    const rates = this.#rates;
    for (const host of this.#world.hosts) {
      this.#repeat(host, rates.joins, (application, now) => this.#join(application, now));
      this.#repeat(host, rates.leaves, (application, now) => this.#leave(application, now));
      this.#repeat(host, rates.sends, (application, now) => this.#send(application, now));
      this.#repeat(host, rates.volatiles, (application, now) => this.#sendVolatile(application, now));
      this.#repeat(host, rates.bulks, (application, now) => this.#bulk(application, now));
      this.#repeat(host, rates.publications, (application, now) => application.publish(now, this.#size()));
      this.#repeat(host, rates.questions, (application, now) => application.ask(now, this.#size()));
      this.#repeat(host, rates.presences, (application, now) => this.#bePresent(application, now));
      this.#repeat(host, rates.storms, (application, now) => this.#storm(application, now));
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  #repeat(host: Host, perSecond: number, action: (application: Application, now: number) => void): void {
    if (perSecond === 0) return;
    this.#world.schedule.after(this.#random.interval(perSecond), () => {
      if (this.#isOver) return;
      const running = host.serving;
      running?.process.enqueue((node, now) => {
        if (host.serving === running && node.isReady()) action(running.application, now);
      });
      this.#repeat(host, perSecond, action);
    });
  }

  #join(application: Application, now: number): void {
    if (application.devices.length >= this.#rates.devicesPerNodeMax) this.#leave(application, now);
    application.join(now, this.#address(this.#rates.users));
  }

  #leave(application: Application, now: number): void {
    if (application.devices.length > 0) application.leave(now, this.#random.pick(application.devices));
  }

  #send(application: Application, now: number): void {
    const count = this.#random.chance(this.#rates.burstShare) ? this.#rates.burstMessages : 1;
    for (let index = 0; index < count; index++) {
      const isToAll = this.#random.chance(this.#rates.toAllShare);
      const to = isToAll ? EVERYBODY : this.#address(this.#rates.users + this.#rates.offlineUsers);
      const from = this.#random.chance(0.9) ? this.#user(this.#rates.users) : null;
      application.send(now, to, from, this.#size(), this.#random.chance(this.#rates.receiptShare));
    }
  }

  /** As a cursor's positions: several in a row to one address. Some are too large for a frame. */
  #sendVolatile(application: Application, now: number): void {
    const to = this.#address(this.#rates.users);
    const { datagramBytes } = this.#world.scenario;
    const bytes = this.#random.chance(0.1)
      ? this.#random.integer(datagramBytes, Math.max(datagramBytes, this.#rates.largeBytes))
      : this.#random.integer(BODY_BYTES_MIN, VOLATILE_FRAME_BYTES_MAX);
    const count = this.#random.integer(1, VOLATILES_IN_A_ROW_MAX);
    for (let index = 0; index < count; index++) application.sendVolatile(now, to, bytes);
  }

  /** Sends more to one user than a usual datagram takes, so that larger datagrams are tried. */
  #bulk(application: Application, now: number): void {
    const to = this.#user(this.#rates.users);
    for (let index = 0; index < BULK_MESSAGES; index++) {
      application.send(now, to, null, this.#random.integer(BULK_BYTES_MIN, BULK_BYTES_MAX), false);
    }
  }

  /** Somebody is seen in a room, looks at one, leaves, or loses the connection and comes back, here or elsewhere. */
  #bePresent({ presence, boot }: Application, now: number): void {
    if (presence === null) return;
    const random = this.#random;
    const room = `p-${random.below(PRESENCE_ROOMS)}`;
    const connection = presence.connections.length === 0 ? undefined : random.pick(presence.connections);
    const lottery = random.float();
    if (lottery < 0.3) this.#enter(presence, now, room, userAt(random.below(PRESENCE_USERS)));
    else if (lottery < 0.4) presence.watch(now, room);
    else if (lottery < 0.43) presence.unwatch(now, room);
    else if (connection === undefined) return;
    else if (lottery < 0.6) presence.end(now, connection, false);
    else {
      const seen = presence.seen(connection);
      presence.end(now, connection, true);
      if (random.chance(0.2)) return;
      const to = random.chance(0.5) ? this.#world.hosts[boot.host] : random.pick(this.#world.homeHosts);
      const awayMs = random.chance(0.4)
        ? random.between(0.9, 1) * GRACE_MS
        : random.between(0, 1.2 * GRACE_MS);
      this.#world.schedule.after(awayMs, () => {
        const running = to?.serving;
        running?.process.enqueue((_node, later) => {
          const { presence: there } = running.application;
          if (to?.serving === running && there !== null) this.#enter(there, later, seen.room, seen.user);
        });
      });
    }
  }

  #enter(presence: PresenceMember, now: number, room: string, user: string): void {
    const connection = `c-${this.#nextConnection++}`;
    presence.enter(now, room, user, connection, this.#random.chance(0.5) ? '' : `"${connection}"`);
  }

  /** Everybody at once, as after a deploy: mostly new users, so that there is much to announce. */
  #storm(application: Application, now: number): void {
    for (let index = 0; index < this.#rates.stormJoins; index++) {
      const name = `storm-${application.boot.index}-${this.#random.below(1_000)}`;
      application.join(now, this.#isForRoom() ? roomCalled(name) : name);
    }
    this.#world.schedule.after(this.#random.between(100, 1_500), () => {
      const { running } = this.#world.hosts[application.boot.host] ?? {};
      if (running?.application !== application) return;
      running.process.enqueue((_node, later) => {
        for (const device of application.devices.filter(({ address }) => address.includes('storm'))) {
          application.leave(later, device);
        }
      });
    });
  }

  /** Rooms have the same names as users, to test that the two are kept apart. */
  #address(users: number): string {
    return this.#isForRoom() ? roomCalled(this.#user(this.#rates.rooms)) : this.#user(users);
  }

  #isForRoom(): boolean {
    return this.#rates.rooms > 0 && this.#random.chance(ROOM_SHARE);
  }

  #user(count: number): string {
    return userAt(this.#random.below(count));
  }

  #size(): number {
    const { largeShare, largeBytes } = this.#rates;
    return this.#random.chance(largeShare)
      ? this.#random.integer(BODY_BYTES_MIN, largeBytes)
      : this.#random.integer(BODY_BYTES_MIN, 200);
  }
}
