import { describe, expect, it } from '@jest/globals';
import { mergeMetrics } from './merged-metrics.js';

const lines = (...text: string[]) => `${text.join('\n')}\n`;

describe('the metrics of several processes', () => {
  it('have the label of their process, and stand together by name', () => {
    const one = lines(
      '# HELP up Is up',
      '# TYPE up gauge',
      'up 1',
      '',
      '# HELP n_total N',
      '# TYPE n_total counter',
      'n_total{kind="a"} 1',
    );
    const two = lines(
      '# HELP up Is up',
      '# TYPE up gauge',
      'up 0',
      '',
      '# HELP n_total N',
      '# TYPE n_total counter',
      'n_total{kind="a"} 2',
    );
    expect(
      mergeMetrics([
        { worker: '1', text: one },
        { worker: '2', text: two },
      ]),
    ).toBe(
      lines(
        '# HELP up Is up',
        '# TYPE up gauge',
        'up{worker="1"} 1',
        'up{worker="2"} 0',
        '',
        '# HELP n_total N',
        '# TYPE n_total counter',
        'n_total{worker="1",kind="a"} 1',
        'n_total{worker="2",kind="a"} 2',
      ),
    );
  });

  it('keep the samples of a histogram together', () => {
    const text = lines(
      '# HELP h H',
      '# TYPE h histogram',
      'h_bucket{le="1"} 1',
      'h_bucket{le="+Inf"} 2',
      'h_sum 3',
      'h_count 2',
    );
    const merged = mergeMetrics([
      { worker: '1', text },
      { worker: '2', text },
    ]);
    expect(merged.match(/^#/gm)).toHaveLength(2);
    expect(merged).toContain('h_count{worker="1"} 2\nh_bucket{worker="2",le="1"} 1\n');
  });

  it('are merged correctly whatever text is in the labels', () => {
    const text = lines('# TYPE a gauge', 'a{path="x,worker=\\"9\\"} 5",b="}"} 7', 'a{} 8');
    expect(mergeMetrics([{ worker: '1', text }])).toBe(
      lines('# TYPE a gauge', 'a{worker="1",path="x,worker=\\"9\\"} 5",b="}"} 7', 'a{worker="1"} 8'),
    );
  });

  it('rename a label `worker` of a module as Prometheus would', () => {
    const text = lines('# TYPE a gauge', 'a{worker="mine",b="worker"} 7');
    expect(mergeMetrics([{ worker: '1', text }])).toContain(
      'a{worker="1",exported_worker="mine",b="worker"} 7',
    );
  });

  it('keep lines that have the label already, and names that only one process has', () => {
    const own = lines('# TYPE lanfare_worker_up gauge', 'lanfare_worker_up{worker="1"} 1');
    const text = lines('# TYPE b gauge', 'b 7');
    expect(
      mergeMetrics([
        { worker: null, text: own },
        { worker: '2', text },
      ]),
    ).toBe(
      lines(
        '# TYPE lanfare_worker_up gauge',
        'lanfare_worker_up{worker="1"} 1',
        '',
        '# TYPE b gauge',
        'b{worker="2"} 7',
      ),
    );
  });
});
