import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ProtocolEvent } from '../contract.js';
import { Stalls } from './stalls.js';
import { Boot, Timeline } from './timeline.js';

const bootOf = (index: number): Boot => new Boot(index, index, 'home', `node-${index}`, 0);
const receiver = bootOf(0);
const sender = bootOf(1);
const late: ProtocolEvent = { type: 'gap', peer: sender.nodeId, kind: 'late', count: 1, reason: 'not acked' };

describe('what one node has reported of another', () => {
  let stalls: Stalls;
  let timeline: Timeline;

  beforeEach(() => {
    stalls = new Stalls();
    timeline = new Timeline({ detectionMs: 1_000, lateMs: 1_500 }, stalls);
    timeline.note(receiver, late, 100);
  });

  it('covers what is sent within its time', () => {
    expect(timeline.excuse(sender, receiver, 1_600)).toBe('late before');
    expect(timeline.excuse(sender, receiver, 1_601)).toBeNull();
  });

  it('covers more time when the two stood still since', () => {
    // Both pause after the report. The message is sent first thing after the pause, so nobody could catch up before.
    stalls.begin(sender, 101, 1_700);
    stalls.begin(receiver, 108, 1_700);
    expect(timeline.excuse(sender, receiver, 1_850)).toBe('late before');
    expect(timeline.wasLate(receiver, sender, 1_850)).toBe(true);
  });

  it('is not extended by a stall that was over before it', () => {
    stalls.begin(sender, 0, 50);
    expect(timeline.excuse(sender, receiver, 1_601)).toBeNull();
  });

  it('is extended only by the rest of a stall that was under way', () => {
    stalls.begin(sender, 50, 60);
    expect(timeline.excuse(sender, receiver, 1_610)).toBe('late before');
    expect(timeline.excuse(sender, receiver, 1_611)).toBeNull();
  });
});
