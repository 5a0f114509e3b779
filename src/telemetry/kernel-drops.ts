import { readdir, readFile, readlink } from 'node:fs/promises';

/** UDP sockets are opened at the start, before clients: theirs are among the first descriptors. */
const DESCRIPTORS_SEARCHED = 512;

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
 * Datagrams the kernel dropped at this process's own UDP sockets because nobody read them in time: the loss that
 * no counter in the process can see. Linux tells; elsewhere it is null.
 */
export class KernelDrops {
  #inodes: ReadonlySet<string> = new Set();

  async count(): Promise<number | null> {
    try {
      const sockets = parseUdpTable(await readFile('/proc/net/udp', 'utf8'));
      let own = sockets.filter(({ inode }) => this.#inodes.has(inode));
      if (own.length === 0) {
        // looked up once: with many clients /proc/self/fd is long
        this.#inodes = await ownSocketInodes();
        own = sockets.filter(({ inode }) => this.#inodes.has(inode));
        this.#inodes = new Set(own.map(({ inode }) => inode));
      }
      return own.reduce((sum, { drops }) => sum + drops, 0);
    } catch {
      return null;
    }
  }
}

async function ownSocketInodes(): Promise<Set<string>> {
  const descriptors = (await readdir('/proc/self/fd')).sort((a, b) => Number(a) - Number(b));
  const targets = await Promise.all(
    descriptors
      .slice(0, DESCRIPTORS_SEARCHED)
      .map(async (descriptor) => readlink(`/proc/self/fd/${descriptor}`).catch(() => '')),
  );
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
}
