import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** Gives the text of a file, or null when it can't be read. */
type ReadFile = (path: string) => string | null;

/**
 * How many processors this process may use: those it may run on, or fewer when its cgroup, or one above that, has a
 * quota of their time (`docker run --cpus`, a Kubernetes limit, systemd's CPUQuota). At least 1; parts of a processor
 * do not count. Node itself reads quotas from version 22 on only.
 */
export function processorsAllowed(processors = availableParallelism(), read: ReadFile = textOf): number {
  const quotas = (read('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => quotasOf(line, read));
  return Math.max(1, Math.floor(Math.min(processors, ...quotas)));
}

/** @param line `hierarchy:controllers:path`, see cgroups(7) */
function quotasOf(line: string, read: ReadFile): number[] {
  const [, hierarchy, controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
  if (hierarchy === '0') return foldersUpFrom(path).flatMap((folder) => quotaOfV2(folder, read));
  if (!controllers.split(',').includes('cpu')) return [];
  return foldersUpFrom(path).flatMap((folder) => quotaOfV1(folder, read));
}

/** In a container the path is often the host's, and only the root is there. */
function foldersUpFrom(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return Array.from({ length: names.length + 1 }, (_, dropped) =>
    names.slice(0, names.length - dropped).join('/'),
  );
}

/**
 * `cpu.max` has "max 100000", or "50000 100000": microseconds of CPU time, and the period in which they may be used.
 */
function quotaOfV2(folder: string, read: ReadFile): number[] {
  const [quota, period] = (read(join('/sys/fs/cgroup', folder, 'cpu.max')) ?? '').trim().split(' ');
  return ratio(quota, period);
}

/** The quota is -1 where there is none. */
function quotaOfV1(folder: string, read: ReadFile): number[] {
  const file = (name: string) => read(join('/sys/fs/cgroup/cpu', folder, name))?.trim();
  return ratio(file('cpu.cfs_quota_us'), file('cpu.cfs_period_us'));
}

function ratio(quota: string | undefined, period: string | undefined): number[] {
  const processors = Number(quota) / Number(period);
  return processors > 0 && Number.isFinite(processors) ? [processors] : [];
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
