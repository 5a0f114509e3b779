import { beforeEach, describe, expect, it } from '@jest/globals';
import { TIMING } from '../options.js';
import { PathSize } from './path-size.js';
import { PeerTimers } from './peer-timers.js';

const SIZES = [1_200, 3_584, 7_680, 16_384, 32_768];
const LARGEST = 32_768;
const { pathProbeMs, pathProbes, pathRetryMs, pathRetryMaxMs } = TIMING;

describe('the size of datagrams to a peer', () => {
  let timers: PeerTimers;
  let path: PathSize;
  let now: number;
  /** Of the next datagram's first record. */
  let sequence: number;

  beforeEach(() => {
    timers = new PeerTimers();
    path = new PathSize(SIZES, TIMING, timers.probe);
    now = 1_000;
    sequence = 1;
  });

  /** Answers probes up to this size, and lets time pass for the others. Returns how many were sent. */
  function search(passes: number): number {
    let probes = 0;
    path.want(now);
    while (timers.probe.isSet) {
      now = timers.probe.at;
      const bytes = path.nextProbe(now);
      if (bytes === null) break;
      probes += 1;
      if (bytes <= passes) path.confirm(now, bytes);
    }
    return probes;
  }

  function send(count: number, isLost: boolean): void {
    for (let sent = 0; sent < count; sent += 1, sequence += 10) {
      path.noteSent(sequence, sequence + 9);
      if (isLost) path.noteMissing(now, sequence + 3, sequence + 4);
      else path.noteAcked(sequence + 9);
    }
  }

  it('is the one that every path takes, until a larger one is wanted and answered', () => {
    expect(path.bytes).toBe(1_200);
    expect(timers.probe.isSet).toBe(false);
    path.confirm(now, 3_584);
    expect(path.bytes).toBe(1_200);
    expect(search(LARGEST)).toBe(4);
    expect(path.bytes).toBe(LARGEST);
  });

  it('is the largest that was answered; the next is probed several times, and then not for a while', () => {
    expect(search(7_680)).toBe(2 + pathProbes);
    expect(path.bytes).toBe(7_680);
    expect(path.state).toBe('settled');
    path.want(now + pathRetryMs - 1);
    expect(timers.probe.isSet).toBe(false);
    now += pathRetryMs;
    expect(search(LARGEST)).toBe(1);
    expect(path.bytes).toBe(16_384);
  });

  it('believes no answer but the one that it waits for', () => {
    path.want(now);
    expect(path.nextProbe(now)).toBe(3_584);
    path.confirm(now, 16_384);
    path.confirm(now, 1_200);
    expect(path.bytes).toBe(1_200);
    path.confirm(now, 3_584);
    expect(path.bytes).toBe(3_584);
  });

  it('waits for an answer before it probes again', () => {
    path.want(now);
    path.nextProbe(now);
    expect(timers.probe.at).toBe(now + pathProbeMs);
    path.want(now + 1);
    expect(timers.probe.at).toBe(now + pathProbeMs);
  });

  it('is halved when more than one in 50 is lost', () => {
    search(LARGEST);
    send(100, false);
    send(2, true);
    expect(path.bytes).toBe(LARGEST);
    send(1, true);
    expect(path.bytes).toBe(16_384);
  });

  it('stays when a few are lost among many', () => {
    search(LARGEST);
    for (let round = 0; round < 20; round += 1) {
      send(150, false);
      send(2, true);
    }
    expect(path.bytes).toBe(LARGEST);
  });

  it('is the smallest at once when most are lost', () => {
    search(LARGEST);
    send(2, false);
    send(2, true);
    expect(path.bytes).toBe(LARGEST);
    send(1, true);
    expect(path.bytes).toBe(1_200);
    // Datagrams that were on their way before say nothing about the new size.
    path.noteMissing(now, 1, sequence);
    expect(path.bytes).toBe(1_200);
  });

  it('counts a lost datagram once, however often its records are asked for', () => {
    search(LARGEST);
    path.noteSent(1, 10);
    for (let asked = 1; asked <= 10; asked += 1) path.noteMissing(now, asked, asked + 1);
    expect(path.bytes).toBe(LARGEST);
  });

  it('comes back step by step, ever more slowly while it fails', () => {
    search(LARGEST);
    send(3, true);
    let pauseMs = pathRetryMs;
    for (let failures = 1; failures < 12; failures += 1) {
      path.want(now + pauseMs - 1);
      expect(timers.probe.isSet).toBe(false);
      now += pauseMs;
      expect(search(LARGEST)).toBe(1);
      expect(path.bytes).toBe(3_584);
      send(3, true);
      expect(path.bytes).toBe(1_200);
      pauseMs = Math.min(pauseMs * 2, pathRetryMaxMs);
    }
    now += pauseMs;
    search(LARGEST);
    send(300, false);
    now += pathRetryMaxMs;
    search(LARGEST);
    expect(path.bytes).toBe(7_680);
    send(3, true);
    path.want(now + pathRetryMs);
    expect(timers.probe.isSet).toBe(true);
  });

  it('is forgotten with the address, and is searched for anew', () => {
    search(LARGEST);
    send(3, true);
    path.forget();
    expect(path.bytes).toBe(1_200);
    expect(search(LARGEST)).toBe(4);
    expect(path.bytes).toBe(LARGEST);
  });

  it('is not judged by the records of an earlier session', () => {
    search(LARGEST);
    for (let count = 0; count < 5; count += 1) path.noteSent(count * 10, count * 10 + 9);
    path.restart();
    path.noteMissing(now, 0, 50);
    expect(path.bytes).toBe(LARGEST);
  });
});
