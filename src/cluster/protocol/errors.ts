/**
 * Two kinds of faults, never mixed. `MalformedDatagramError`: a peer's bytes make no sense; `handleDatagram` catches and
 * counts it. `assert`: an invariant of ours is broken. It throws in production too, because a node that goes on with a
 * broken invariant breaks promises silently.
 */
export class MalformedDatagramError extends Error {
  override readonly name = 'MalformedDatagramError';
}

export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant: ${invariant}`);
}
