import { Injectable } from '@nestjs/common';
import { inTime } from '../../waiting/within.js';
import { moduleFailed } from '../../telemetry/module-failures.js';

/** A scrape must not wait longer for a module: Prometheus itself gives up after 10 s. */
const PATIENCE_MS = 2_000;
/** The limit for one source: ten times what a busy node has itself. */
const BYTES_MAX = 1_048_576;

/** A registry of prom-client, of any version, is one. */
export interface MetricsSource {
  /** In Prometheus' text format, with a line break at the end. */
  metrics(): string | Promise<string>;
}

/**
 * Metrics of the application's modules, at `/metrics` of the operators' door after the node's own. A source that fails,
 * takes longer than 2 s, has more than 1 MiB, or uses a name that is taken, is left out of that scrape, logged and
 * counted.
 */
@Injectable()
export class ModuleMetrics {
  readonly #sources = new Set<MetricsSource>();

  /** From now on its metrics are part of every scrape. */
  add(source: MetricsSource): void {
    this.#sources.add(source);
  }

  /**
   * The metrics of all sources. Never rejects.
   *
   * @param taken names of the node's own metrics
   */
  async scrape(taken: readonly string[]): Promise<string> {
    const texts = await Promise.all([...this.#sources].map(async (source) => read(source)));
    const names = new Set(taken);
    return texts.filter((text) => text !== null && isAddable(text, names)).join('');
  }
}

async function read(source: MetricsSource): Promise<string | null> {
  try {
    const text: unknown = await inTime(PATIENCE_MS, Promise.resolve(source.metrics()));
    if (typeof text !== 'string') throw new TypeError('its metrics are no text');
    if (Buffer.byteLength(text) > BYTES_MAX) throw new RangeError(`it has more than ${BYTES_MAX} bytes`);
    if (/^# EOF$/m.test(text))
      throw new TypeError("it is in OpenMetrics' format, not in Prometheus' text format");
    return text === '' || text.endsWith('\n') ? text : `${text}\n`;
  } catch (error) {
    moduleFailed('metrics', "A module's source of metrics", error);
    return null;
  }
}

/**
 * A name that comes twice would break the whole scrape. If no name is taken, adds the names of the source to `names`.
 */
function isAddable(text: string, names: Set<string>): boolean {
  const own = new Set(
    Array.from(text.matchAll(/^# TYPE (\S+)|^([A-Za-z_:][\w:]*)/gm), ([, type, name]) => type ?? name ?? ''),
  );
  const doubled = [...own].find((name) => name.startsWith('lanfare_') || names.has(name));
  if (doubled !== undefined) {
    moduleFailed('metrics', "A module's source of metrics", new Error(`the name ${doubled} is another's`));
    return false;
  }
  for (const name of own) names.add(name);
  return true;
}
