import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { running } from './running.js';

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
}

/**
 * Chromium with one page, driven by its own protocol over pipes. For what playwright-core prevents: it tells each page that
 * it has the focus, so that none is ever hidden or frozen; and a browser in another network namespace has no port here.
 */
export class BareChromium {
  readonly #profile = mkdtempSync(join(tmpdir(), 'lanfare-chromium-'));
  readonly #chromium: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #ids = 0;
  #unread = '';
  #sessionId: string | undefined;

  private constructor(command: readonly string[]) {
    const flags = ['--headless', '--no-sandbox', '--disable-dev-shm-usage', '--remote-debugging-pipe'];
    const all = [...command, '/usr/bin/chromium', ...flags, `--user-data-dir=${this.#profile}`];
    const [file = '', ...args] = all;
    this.#chromium = spawn(file, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    (this.#chromium.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => this.#read(text));
    running.set(this, async () => this.stop());
  }

  /** @param command what it is started with: `ip netns exec …` */
  static async open(url: string, command: readonly string[] = []): Promise<BareChromium> {
    const browser = new BareChromium(command);
    const { targetId } = await browser.call<{ targetId: string }>('Target.createTarget', {
      url: 'about:blank',
    });
    const attached = await browser.call<{ sessionId: string }>('Target.attachToTarget', {
      targetId,
      flatten: true,
    });
    browser.#sessionId = attached.sessionId;
    await browser.call('Page.navigate', { url });
    await browser.evaluate(`new Promise((resolve) => {
      if (document.readyState === 'complete') resolve();
      else addEventListener('load', () => resolve());
    })`);
    return browser;
  }

  /** A command of the DevTools protocol, to the page. */
  async call<Result>(method: string, params: object = {}): Promise<Result> {
    const id = (this.#ids += 1);
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    const command = JSON.stringify({ id, method, params, sessionId: this.#sessionId });
    (this.#chromium.stdio[3] as Writable).write(`${command}\0`);
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result as Result;
  }

  /** Runs code in the page; waits for promises. */
  async evaluate(expression: string): Promise<unknown> {
    const params = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.call<Evaluated>('Runtime.evaluate', params);
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? expression);
    return result.value;
  }

  async stop(): Promise<void> {
    running.delete(this);
    if (this.#chromium.exitCode === null) {
      const ended = new Promise((resolve) => this.#chromium.once('close', resolve));
      this.#sessionId = undefined;
      await this.call('Browser.close');
      await ended;
    }
    rmSync(this.#profile, { recursive: true, force: true });
  }

  #read(text: string): void {
    const messages = (this.#unread + text).split('\0');
    this.#unread = messages.pop() as string;
    for (const message of messages) {
      const answer = JSON.parse(message) as Answer;
      this.#waiting.get(answer.id as number)?.(answer);
      this.#waiting.delete(answer.id as number);
    }
  }
}
