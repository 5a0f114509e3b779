import { describe, expect, it } from '@jest/globals';
import { FormerSessions } from './former-sessions.js';

describe('sessions with peers that were dropped', () => {
  it('are kept until their time is over', () => {
    const sessions = new FormerSessions();
    sessions.add(1_000, 7);
    sessions.add(2_000, 8);
    sessions.forgetBefore(1_000);
    expect(sessions.ids).toEqual([7, 8]);
    sessions.forgetBefore(1_001);
    expect(sessions.ids).toEqual([8]);
    sessions.forgetBefore(2_001);
    expect(sessions.size).toBe(0);
  });

  it('are kept longer by the time in which no peer could hear us', () => {
    const sessions = new FormerSessions();
    sessions.add(1_000, 7);
    sessions.forgive(500);
    sessions.forgetBefore(1_500);
    expect(sessions.ids).toEqual([7]);
  });

  it('are kept for as long as their peer, which was met anew, may be in them', () => {
    const sessions = new FormerSessions();
    sessions.add(Infinity, 7);
    sessions.forgive(500);
    sessions.forgetBefore(1e9);
    expect(sessions.ids).toEqual([7]);
    sessions.remove(7);
    expect(sessions.size).toBe(0);
  });

  it('are the newest 256', () => {
    const sessions = new FormerSessions();
    for (let id = 1; id <= 300; id += 1) sessions.add(id, id);
    expect(sessions.size).toBe(256);
    expect(sessions.ids[0]).toBe(45);
  });
});
