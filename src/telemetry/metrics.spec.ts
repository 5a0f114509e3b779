import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { WorkerMetrics } from '../workers/worker-metrics.js';
import { Metrics } from './metrics.js';

/** A histogram has series with these suffixes. */
const SUFFIXES = /_(bucket|sum|count)$/;
const NAME = /\b(?:lanfare|process|nodejs)_[a-z0-9_]+/g;

/** Fields that prom-client's types do not have. */
interface MetricObject {
  readonly name: string;
  readonly type: string;
  readonly labelNames: readonly string[];
  readonly help: string;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary?: string; readonly action?: string; readonly runbook?: string };
}

const { groups } = parse(readFileSync('deploy/prometheus/alerts.yaml', 'utf8')) as {
  groups: { rules: Rule[] }[];
};
const rules = groups.flatMap(({ rules }) => rules);

describe('metrics', () => {
  const metrics = new Metrics();
  const registries = [metrics.registry, new WorkerMetrics().registry];
  let names: Set<string>;

  beforeAll(async () => {
    const all = await Promise.all(registries.map(async (registry) => registry.getMetricsAsJSON()));
    names = new Set(all.flat().map(({ name }) => name));
  });

  function unknownIn(text: string): string[] {
    return (text.match(NAME) ?? []).filter(
      (name) => !names.has(name) && !names.has(name.replace(SUFFIXES, '')),
    );
  }

  it('include all that the dashboard shows', () => {
    const text = readFileSync('deploy/grafana/lanfare.json', 'utf8');
    const { panels } = JSON.parse(text) as { panels: { targets?: { expr: string }[] }[] };
    const expressions = panels.flatMap(({ targets }) => targets ?? []).map(({ expr }) => expr);
    expect(expressions.length).toBeGreaterThan(20);
    expect(expressions.flatMap(unknownIn)).toEqual([]);
  });

  it('include all that the alerts use, and every alert says what to do', () => {
    expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
    expect(rules.filter(({ annotations }) => !annotations.summary || !annotations.action)).toEqual([]);
  });

  it('have a line for each alert in the runbook, and no other', () => {
    const [, section = ''] = readFileSync('docs/operations.md', 'utf8').split('\n### Alerts\n');
    const lines = section.split('\n### ')[0]?.matchAll(/^\| `(\w+)` \| .+ \| .+ \|$/gm) ?? [];
    expect(Array.from(lines, ([, name]) => name)).toEqual(rules.map(({ alert }) => alert));
    expect(new Set(rules.map(({ annotations }) => annotations.runbook))).toEqual(
      new Set(['docs/operations.md#alerts']),
    );
  });

  it('are in docs/operations.md as they are', () => {
    const documented = readFileSync('docs/operations.md', 'utf8');
    const rows = documented.match(/^\| `\w+` \| (?:counter|gauge|histogram) \| .*$/gm);
    const all = registries.flatMap(
      (registry) => registry.getMetricsAsArray() as unknown as readonly MetricObject[],
    );
    expect(rows).toEqual(
      all.map(({ name, type, labelNames, help }) => {
        const labels = labelNames.map((label) => `\`${label}\``).join(', ');
        return `| \`${name}\` | ${type} | ${labels} | ${help} |`;
      }),
    );
    expect(unknownIn(documented)).toEqual([]);
  });

  it('are all that docs/performance.md names, and each limit there is shown by one', () => {
    const [, section = ''] = readFileSync('docs/performance.md', 'utf8').split(
      '\n## The most memory a node may take\n',
    );
    const [table = ''] = section.split('\n## ');
    const rows = table.match(/^\| .* \|$/gm)?.slice(1) ?? [];
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.flatMap(unknownIn)).toEqual([]);
    expect(rows.filter((row) => !/lanfare_|nodejs_|the same/.test(row.split(' | ').at(-1) ?? ''))).toEqual(
      [],
    );
  });

  it('mirror counters that are counted elsewhere', async () => {
    metrics.set(metrics.frames, 5);
    metrics.set(metrics.frames, 7);
    metrics.set(metrics.errors, 3, { code: 'bad_json' });
    metrics.set(metrics.errors, 4, { code: 'bad_json' });
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/^lanfare_frames_received_total 7$/m);
    expect(text).toMatch(/^lanfare_errors_total\{code="bad_json"\} 4$/m);
  });
});
