/** Open files that are not clients': listening sockets, UDP, logs, DNS, the operators' door, and handshakes. */
const FILES_RESERVED = 256;

/** How many files this process may have open (`ulimit -n`). Null: there is no limit, or it can't be told. */
export function openFilesMax(): number | null {
  // the part on interfaces may ask DNS, and wait for it
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : null;
}

/** What a limit of open files leaves to clients. */
export function clientsWithin(files: number): number {
  return Math.max(0, files - FILES_RESERVED);
}
