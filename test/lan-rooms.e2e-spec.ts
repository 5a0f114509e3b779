import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Attendee, completeShare, disordered, miscounted, passedOver } from './support/attendee.js';
import { clusterEnvironment } from './support/environment.js';
import { Lan, lanImpediment } from './support/lan.js';

// Whole nodes start and restart here, and some tests wait until a dead node's members are gone.
jest.setTimeout(120_000);

const impediment = lanImpediment();
if (impediment !== null)
  process.stdout.write(`The tests of rooms on a real LAN are skipped: ${impediment}\n`);

const NODES = 3;
const EVERY_MS = 50;
/** Short, so that those who stay away are gone soon. */
const GRACE_MS = 3_000;

(impediment === null ? describe : describe.skip)('a room on a real LAN', () => {
  let lan: Lan;
  let env: ReturnType<typeof clusterEnvironment>;
  let isOver: boolean;
  let talking: Promise<void>[];

  beforeEach(async () => {
    isOver = false;
    talking = [];
    lan = new Lan(NODES);
    env = clusterEnvironment({
      CLUSTER_BUS: 'udp',
      ROOM_ACCESS: 'open',
      PRESENCE_GRACE_MS: String(GRACE_MS),
      CLUSTER_MIN_NODES: String(NODES),
    });
    await Promise.all(lan.hosts.map(async (host) => host.start(env)));
  });

  afterEach(async () => {
    isOver = true;
    lan.destroy();
    await Promise.all(talking);
  });

  /** Attendees `a0`, `a1`, …, spread over the nodes: the first on the first node. All are in the room. */
  async function gather(count: number): Promise<Attendee[]> {
    return Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const attendee = new Attendee(`a${index}`, 'hall');
        await enter(attendee, index % NODES);
        return attendee;
      }),
    );
  }

  const enter = async (attendee: Attendee, host: number): Promise<void> =>
    attendee.join(await lan.host(host).connect(attendee.user));

  /** Each of them publishes from now on, until `hush`. */
  function talk(attendees: readonly Attendee[]): void {
    for (const attendee of attendees) talking.push(attendee.sayOn(() => isOver, EVERY_MS));
  }

  async function hush(): Promise<void> {
    isOver = true;
    await Promise.all(talking.splice(0));
  }

  /** Each of them is shown these users, and nobody else. */
  async function untilShown(attendees: readonly Attendee[], users: readonly Attendee[]): Promise<void> {
    const wanted = listOf(users.map(({ user }) => user));
    await untilSo(() => attendees.every(({ shown }) => listOf(shown) === wanted));
  }

  /** A message of each reaches each: what was under way before has come, too. */
  async function expectAllReached(attendees: readonly Attendee[]): Promise<void> {
    for (const attendee of attendees) attendee.say();
    await untilSo(() =>
      attendees.every(({ stay: { heard } }) =>
        attendees.every(({ user, said }) => heard.has(`${user}:${said.length - 1}`)),
      ),
    );
    await untilSo(() => attendees.every(({ said }) => said.at(-1)?.answer !== null));
    for (const { said } of attendees) {
      expect(said.at(-1)?.answer?.data).toEqual({ delivered: attendees.length, complete: true });
    }
  }

  it('loses, doubles and disorders nothing while one frame in ten is lost, and shows nobody as gone', async () => {
    for (const host of lan.hosts) host.loseFrames(0.1);
    const all = await gather(15);
    await untilShown(all, all);
    talk(all);
    await sleep(3_000);
    await hush();
    for (const host of lan.hosts) host.loseFrames(0);
    await expectAllReached(all);
    expect([...miscounted(all), ...passedOver(all)]).toEqual([]);
    expect(disordered(all)).toEqual([]);
    expect(completeShare(all)).toBeGreaterThan(0.9);
    const said = all.reduce((sum, attendee) => sum + attendee.said.length, 0);
    expect(said).toBeGreaterThan(all.length * 10);
    for (const { stay } of all) expect(stay.heard.all.length).toBe(said);
    for (const { goneAt } of all) expect([...goneAt.keys()]).toEqual([]);
  });

  it('loses only the node that kill -9 ends: clients that are back were never gone, and the others leave no ghost', async () => {
    const all = await gather(12);
    await untilShown(all, all);
    talk(all);
    await sleep(500);
    const [early, late, ...victims] = all.filter((_, index) => index % NODES === 1) as [Attendee, Attendee];
    const nomads = [early, late];
    const staying = all.filter((_, index) => index % NODES !== 1);
    const killedAt = performance.now();
    lan.host(1).node?.signal('SIGKILL');
    await early.stay.client.closed;
    await enter(early, 2);
    // the other one comes back when the node has been found dead, and half of the grace is over
    await lan.host(0).node?.waitForOutput(/host2.* lost/);
    await sleep(GRACE_MS / 2);
    await enter(late, 0);
    talk(nomads);
    const alive = [...staying, ...nomads];
    await untilShown(alive, alive);
    await hush();
    await expectAllReached(alive);
    expect([...miscounted(all), ...passedOver(all)]).toEqual([]);
    expect(disordered(all)).toEqual([]);
    for (const { goneAt } of staying) {
      expect(listOf(goneAt.keys())).toBe(listOf(victims.map(({ user }) => user)));
      for (const at of goneAt.values()) expect(at - killedAt).toBeGreaterThan(GRACE_MS);
    }
    // for the 5 s until the node was found dead, no answer could be complete
    expect(completeShare(staying)).toBeGreaterThan(0.1);
  });

  it('is whole through a rolling restart: nobody was gone, nothing was lost unseen', async () => {
    const all = await gather(9);
    await untilShown(all, all);
    talk(all);
    /** Comes back to the next node, whenever its node goes. */
    const follow = async (attendee: Attendee, host: number): Promise<void> => {
      for (let at = host; !isOver;) {
        await Promise.race([attendee.stay.client.closed, untilOver()]);
        while (!isOver && !attendee.isIn) {
          at = (at + 1) % NODES;
          await enter(attendee, at).catch(async () => sleep(EVERY_MS));
        }
      }
    };
    const untilOver = async (): Promise<void> => {
      while (!isOver) await sleep(EVERY_MS);
    };
    const following = all.map(async (attendee, index) => follow(attendee, index % NODES));
    const residents: Attendee[] = [];
    for (const index of [0, 1, 2]) {
      await lan.host(index).node?.stop();
      await lan.host(index).start(env);
      // a node that begins to watch only now can't know who was on the node that is stopped next
      const resident = new Attendee(`resident${index}`, 'hall');
      residents.push(resident);
      await enter(resident, index);
      await untilShown(
        all.filter(({ isIn }) => isIn),
        [...all, ...residents],
      );
    }
    await hush();
    await Promise.all(following);
    const everybody = [...all, ...residents];
    await untilShown(everybody, everybody);
    await expectAllReached(everybody);
    expect([...miscounted(everybody), ...passedOver(everybody)]).toEqual([]);
    expect(disordered(everybody)).toEqual([]);
    for (const { goneAt } of everybody) expect([...goneAt.keys()]).toEqual([]);
    for (const { stays } of all) expect(stays.length).toBeGreaterThan(1);
    expect(completeShare(all)).toBeGreaterThan(0.5);
  });

  it('is two rooms while a cable is cut, and one again when it is mended', async () => {
    const all = await gather(9);
    await untilShown(all, all);
    const cutOff = all.filter((_, index) => index % NODES === 1);
    const rest = all.filter((_, index) => index % NODES !== 1);
    talk(all);
    await sleep(300);
    lan.host(1).cutCable();
    // each side gives the other up after 5 s, and shows it until the grace is over
    await Promise.all([untilShown(cutOff, cutOff), untilShown(rest, rest)]);
    const before = all.map(({ said }) => said.length);
    await sleep(500);
    const during = all.map(({ said }) => said.length);
    lan.host(1).mendCable();
    await untilShown(all, all);
    await hush();
    await expectAllReached(all);
    expect(miscounted(all)).toEqual([]);
    expect(disordered(all)).toEqual([]);
    for (const attendee of all) {
      const others = cutOff.includes(attendee) ? rest : cutOff;
      const own = cutOff.includes(attendee) ? cutOff : rest;
      const heardOf = ({ user }: Attendee): number[] =>
        attendee.stay.heard.all
          .filter((message) => message.startsWith(`${user}:`))
          .map((message) => Number(message.split(':')[1]));
      // on the same side nothing was missed, and from the other side nothing is sent later
      for (const one of own) expect(heardOf(one)).toEqual(one.said.map(({ number }) => number));
      for (const one of others) {
        const [from, to] = [before, during].map((counts) => counts[all.indexOf(one)] as number) as [
          number,
          number,
        ];
        expect(to).toBeGreaterThan(from);
        expect(heardOf(one).filter((number) => number >= from && number < to)).toEqual([]);
      }
      expect(listOf(attendee.goneAt.keys())).toBe(listOf(others.map(({ user }) => user)));
    }
    // that something is missing has been said
    for (const host of lan.hosts) expect(host.metric('lanfare_gaps_total', 'kind="lost"')).toBeGreaterThan(0);
  });
});

function listOf(users: Iterable<string>): string {
  return [...users].sort().join(' ');
}

/** Looks now and then, so that the nodes have the processors. */
async function untilSo(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20);
}
