const PRECISION_BITS = 6;
const STEPS = 1 << PRECISION_BITS;

/** Counts microseconds in buckets. A bucket is at most 1/64 as wide as the values in it. */
export class Histogram {
  #counts = new Uint32Array(32 * STEPS);
  total = 0;

  record(microseconds) {
    this.#counts[bucketOf(microseconds)]++;
    this.total++;
  }

  reset() {
    this.#counts.fill(0);
    this.total = 0;
  }

  /** The percentile in milliseconds: the upper edge of its bucket. */
  percentile(share) {
    if (this.total === 0) return null;
    let left = Math.ceil(this.total * share);
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket];
      if (left <= 0) return edgeOf(bucket) / 1000;
    }
    return null;
  }
}

function bucketOf(value) {
  if (value < STEPS) return value;
  const exponent = 31 - Math.clz32(value) - PRECISION_BITS;
  return (exponent + 1) * STEPS + ((value >>> exponent) - STEPS);
}

function edgeOf(bucket) {
  if (bucket < STEPS) return bucket + 1;
  const exponent = Math.floor(bucket / STEPS) - 1;
  return ((bucket % STEPS) + STEPS + 1) * 2 ** exponent;
}
