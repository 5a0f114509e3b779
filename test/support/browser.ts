import { it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { chromium, firefox, type Browser } from 'playwright-core';

/** A browser that the machine may have or not have: playwright-core brings no browsers of its own. */
export class TestBrowser {
  /** Skips where the browser is missing. */
  readonly test: typeof it;

  constructor(
    readonly name: string,
    executablePath: string,
    /** A new browser without a window. */
    readonly launch: () => Promise<Browser>,
  ) {
    const isInstalled = existsSync(executablePath);
    if (!isInstalled) process.stderr.write(`Skipping the tests in ${name}: there is no ${executablePath}\n`);
    this.test = isInstalled ? it : (it.skip as typeof it);
  }
}

const CHROMIUM = '/usr/bin/chromium';
const FIREFOX = '/usr/bin/firefox-esr';

/** Debian's Chromium and Firefox. */
export const browsers: readonly TestBrowser[] = [
  new TestBrowser('Chromium', CHROMIUM, async () =>
    // no sandbox: tests run as root in containers, and load only our own pages
    chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] }),
  ),
  new TestBrowser('Firefox', FIREFOX, async () =>
    // The channel: WebDriver BiDi, which a Firefox speaks that playwright has not patched. playwright-core 1.65 asks for
    // a command (emulation.setMediaFeaturesOverride) that Firefox 153 does not have.
    firefox.launch({ channel: 'moz-firefox', executablePath: FIREFOX }),
  ),
];
