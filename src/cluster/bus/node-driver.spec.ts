import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Carrier } from '../carrier/carrier.js';
import type { ClusterNode } from '../protocol/cluster-node.js';
import { NodeDriver } from './node-driver.js';

/** A core that has nothing to do, and notes when its turns end. */
class IdleNode {
  readonly flushed: number[] = [];

  flush(now: number): void {
    this.flushed.push(now);
  }

  handleTimeout(): void {}
  pollTransmit(): undefined {}
  pollEvent(): undefined {}

  pollTimeout(): number {
    return Infinity;
  }
}

describe('the driver of the core', () => {
  let now: number;
  let node: IdleNode;
  let driver: NodeDriver;

  const endTurn = async () => new Promise(setImmediate);

  beforeEach(() => {
    now = 1_000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    node = new IdleNode();
    driver = new NodeDriver(node as unknown as ClusterNode, {} as Carrier, () => undefined);
  });

  afterEach(() => {
    driver.stop();
    jest.restoreAllMocks();
  });

  it('sends all that is sent within a turn at one time', async () => {
    expect(driver.beginSend()).toBe(1_000);
    now += 5;
    expect(driver.beginSend()).toBe(1_000);
    await endTurn();
    expect(driver.beginSend()).toBe(1_005);
  });

  it('sends at the time of this turn, when another command came first in it', async () => {
    driver.beginSend();
    await endTurn();
    now += 800;
    driver.wantTurnEnd(); // a join, a publication
    expect(driver.beginSend()).toBe(1_800);
  });

  it('ends a turn once, however many commands it had', async () => {
    driver.beginSend();
    driver.wantTurnEnd();
    driver.beginSend();
    await endTurn();
    await endTurn();
    expect(node.flushed).toEqual([1_000]);
  });

  it('does nothing more when it is stopped', async () => {
    driver.beginSend();
    driver.stop();
    driver.wantTurnEnd();
    await endTurn();
    expect(node.flushed).toEqual([]);
  });
});
