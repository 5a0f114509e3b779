/**
 * Two kinds of fault, never mixed. `MalformedDatagramError`: what a peer sent makes no sense; caught at the boundary
 * of `handleDatagram` and counted. `assert`: an invariant of ours is broken; it throws, in production too, because a
 * node that goes on with a broken invariant breaks promises silently.
 */
export class MalformedDatagramError extends Error {
  override readonly name = 'MalformedDatagramError';
}

export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant: ${invariant}`);
}
