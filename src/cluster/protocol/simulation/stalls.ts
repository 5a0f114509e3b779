/**
 * Records when each process stood still or crawled. In that time it could not do its work, so the time limits on what
 * it reports are extended.
 */
/** One start of a process. */
interface Started {
  readonly index: number;
}

interface Stall {
  readonly ms: number;
  readonly until: number;
}

export class Stalls {
  readonly #byBoot = new Map<number, Stall[]>();

  /** From now on, for so long. A clock that leaps is a stall too: everything is late by as much. */
  begin(boot: Started, now: number, ms: number): void {
    const stalls = this.#byBoot.get(boot.index);
    if (stalls === undefined) this.#byBoot.set(boot.index, [{ ms, until: now + ms }]);
    else stalls.push({ ms, until: now + ms });
  }

  /** How long the two have stood still after that time, together. */
  ofBothSince(one: Started, other: Started, time: number): number {
    return this.#since(one, time) + this.#since(other, time);
  }

  #since(boot: Started, time: number): number {
    const stalls = this.#byBoot.get(boot.index) ?? [];
    return stalls.reduce((sum, { ms, until }) => sum + Math.max(0, Math.min(ms, until - time)), 0);
  }
}
