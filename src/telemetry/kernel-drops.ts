import { readdir, readFile, readlink } from 'node:fs/promises';

/** UDP sockets are opened at the start, before clients come, so their descriptors are among the first. */
const DESCRIPTORS_AT_ONCE = 512;

/** One row of /proc/net/udp. */
interface UdpSocket {
  readonly inode: string;
  readonly drops: number;
}

/** The sockets of /proc/net/udp. @param table the file's text: a heading, then columns; see proc(5) */
export function parseUdpTable(table: string): UdpSocket[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap((columns) => {
      const [inode, drops] = [columns[9], columns[12]];
      return inode === undefined || drops === undefined ? [] : [{ inode, drops: Number(drops) }];
    });
}

/**
 * Counts the datagrams that the kernel dropped at this process's own UDP sockets because nobody read them in time. No
 * counter in the process sees this loss. Only Linux tells it; elsewhere the count is null.
 */
export class KernelDrops {
  /** The drops of each own socket, by its inode. */
  #drops: ReadonlyMap<string, number> = new Map();
  /** The drops of own sockets that were closed since. */
  #dropsBefore = 0;

  async count(): Promise<number | null> {
    try {
      const table = new Map(
        parseUdpTable(await readFile('/proc/net/udp', 'utf8')).map(({ inode, drops }) => [inode, drops]),
      );
      let inodes = [...this.#drops.keys()];
      const gone = inodes.filter((inode) => !table.has(inode));
      if (inodes.length === 0 || gone.length > 0) inodes = await ownSockets(table, inodes.length);
      for (const inode of gone) this.#dropsBefore += this.#drops.get(inode) ?? 0;
      this.#drops = new Map(inodes.map((inode) => [inode, table.get(inode) ?? 0]));
      return [...this.#drops.values()].reduce((sum, drops) => sum + drops, this.#dropsBefore);
    } catch {
      return null;
    }
  }
}

/**
 * With many clients /proc/self/fd is long, so it is read only as far as needed.
 * @param wanted how many sockets there were before; 0: all will be among the first descriptors
 */
async function ownSockets(table: ReadonlyMap<string, number>, wanted: number): Promise<string[]> {
  const descriptors = (await readdir('/proc/self/fd')).sort((a, b) => Number(a) - Number(b));
  const found: string[] = [];
  for (
    let at = 0;
    at === 0 || (at < descriptors.length && found.length < wanted);
    at += DESCRIPTORS_AT_ONCE
  ) {
    const some = descriptors.slice(at, at + DESCRIPTORS_AT_ONCE);
    const targets = await Promise.all(
      some.map(async (descriptor) => readlink(`/proc/self/fd/${descriptor}`).catch(() => '')),
    );
    const inodes = targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
    found.push(...inodes.filter((inode) => table.has(inode)));
  }
  return found;
}
