import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';

/** Debian's Chromium; playwright-core brings no browser of its own. */
export const hasBrowser = existsSync(EXECUTABLE);

/** For titles: why a browser test is left out. */
export const browserMissing = hasBrowser ? '' : ` (skipped: ${EXECUTABLE} is not installed)`;

export async function launchBrowser(): Promise<Browser> {
  // no sandbox: tests run as root in containers, and load only our own pages
  return chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
