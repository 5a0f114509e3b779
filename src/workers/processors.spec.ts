import { describe, expect, it } from '@jest/globals';
import { processorsAllowed } from './processors.js';

const on = (files: Record<string, string>) => (path: string) => files[path] ?? null;

describe('the processors that a process may use', () => {
  it.each<[string, number, Record<string, string>]>([
    ['all where there are no cgroups', 8, {}],
    [
      'all where there is no quota',
      8,
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' },
    ],
    [
      'those of its quota, in whole ones',
      2,
      { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '250000 100000\n' },
    ],
    ['at least one', 1, { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '20000 100000\n' }],
    [
      'those of the tightest quota from its cgroup upwards',
      3,
      {
        '/proc/self/cgroup': '0::/system.slice/lanfare.service\n',
        '/sys/fs/cgroup/system.slice/lanfare.service/cpu.max': '600000 100000\n',
        '/sys/fs/cgroup/system.slice/cpu.max': '300000 100000\n',
      },
    ],
    [
      'those of its quota in the first version of cgroups',
      4,
      {
        '/proc/self/cgroup': '4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
    ],
    [
      'all where the first version has no quota',
      8,
      {
        '/proc/self/cgroup': '3:cpu:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
    ],
  ])('are %s', (_, expected, files) => expect(processorsAllowed(8, on(files))).toBe(expected));
});
