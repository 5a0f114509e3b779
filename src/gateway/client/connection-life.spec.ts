import { describe, expect, it } from '@jest/globals';
import { closingFor, ENDED } from './closing.js';
import { ConnectionLife, type LifeState } from './connection-life.js';

const EVENTS = ['open', 'finish', 'close', 'gone'] as const;

/** How a connection gets into each state. */
const WAYS: Record<LifeState, readonly (typeof EVENTS)[number][]> = {
  held: [],
  cancelled: ['close'],
  open: ['open'],
  finishing: ['open', 'finish'],
  closing: ['open', 'close'],
  closed: ['open', 'close', 'gone'],
};

/** In which state it is after each event; null: the event throws. In the order of EVENTS. */
const AFTER: Record<LifeState, readonly (LifeState | null)[]> = {
  held: ['open', null, 'cancelled', 'closed'],
  cancelled: ['closing', null, 'cancelled', 'closed'],
  open: [null, 'finishing', 'closing', 'closed'],
  finishing: [null, 'finishing', 'closing', 'closed'],
  closing: [null, 'closing', 'closing', 'closed'],
  closed: [null, 'closed', 'closed', null],
};

const KICKED = closingFor('kicked');
const DRAINING = closingFor('draining');

function happen(life: ConnectionLife, event: (typeof EVENTS)[number]): void {
  if (event === 'finish') life.finish(DRAINING);
  else if (event === 'close') life.close(KICKED);
  else life[event]();
}

function lifeIn(state: LifeState): ConnectionLife {
  const life = new ConnectionLife();
  for (const event of WAYS[state]) happen(life, event);
  return life;
}

describe('the life of a connection', () => {
  const rows = (Object.keys(AFTER) as LifeState[]).flatMap((state) =>
    EVENTS.map((event, index) => [state, event, AFTER[state][index] ?? null] as const),
  );

  it.each(rows)('is %s, then comes %s: %s', (state, event, next) => {
    const life = lifeIn(state);
    expect(life.state).toBe(state);
    if (next === null) {
      expect(() => happen(life, event)).toThrow(`a connection that is ${state} can't ${event}`);
      expect(life.state).toBe(state);
    } else {
      happen(life, event);
      expect(life.state).toBe(next);
    }
  });

  it.each([
    ['held', false, false],
    ['cancelled', false, true],
    ['open', true, false],
    ['finishing', true, false],
    ['closing', false, true],
    ['closed', false, true],
  ] as const)('when it is %s: open %s, closing %s', (state, isOpen, isClosing) => {
    const life = lifeIn(state);
    expect([life.isOpen, life.isClosing]).toEqual([isOpen, isClosing]);
  });

  it('keeps the first close, whatever closes it later', () => {
    const life = lifeIn('open');
    expect(life.close(KICKED)).toBe(true);
    expect(life.close(ENDED)).toBe(false);
    life.finish(DRAINING);
    life.gone();
    expect(life.closing).toBe(KICKED);
  });

  it('is closed as `finish` said, unless something else closes it before', () => {
    const life = lifeIn('finishing');
    expect(life.closing).toBe(DRAINING);
    life.close(KICKED);
    expect(life.closing).toBe(KICKED);
  });

  it('counts as ended by the client when its socket closes and this node has not closed it', () => {
    for (const state of ['held', 'open', 'finishing'] as const) {
      const life = lifeIn(state);
      life.gone();
      expect(life.closing).toBe(ENDED);
    }
  });
});
