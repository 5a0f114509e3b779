import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What a holder has counted since its start, and the latencies since they were begun anew: [microseconds at most, how many]. */
export interface HolderReport {
  readonly connections: number;
  readonly open: number;
  readonly opened: number;
  readonly closed: number;
  readonly refused: number;
  readonly sent: number;
  readonly received: number;
  readonly published: number;
  readonly roomReceived: number;
  readonly acks: number;
  readonly incomplete: number;
  readonly errors: number;
  readonly latency: readonly (readonly [number, number])[];
  readonly roomLatency: readonly (readonly [number, number])[];
}

/** A process that holds the clients of one node: holder.c, which says what it understands. */
export class Holder {
  readonly #answers: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];

  private constructor(private readonly child: ChildProcess) {
    child.once('exit', () => {
      for (const answer of this.#answers) answer.reject(new Error('a holder of clients has ended'));
    });
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.#answers.shift()?.resolve(JSON.parse(line)),
    );
    // A holder that is stopped does not read the rest.
    child.stdin?.on('error', () => undefined);
  }

  /** @throws {Error} with what the compiler says */
  static compile(): string {
    const program = 'build/million-holder';
    mkdirSync('build', { recursive: true });
    const { status, stderr } = spawnSync('cc', ['-O2', '-o', program, 'scripts/million/holder.c', '-lm']);
    if (status !== 0) throw new Error(`scripts/million/holder.c does not compile: ${String(stderr)}`);
    return program;
  }

  /** Its clients come from 127.0.0.<index + 2>. */
  static start(program: string, index: number): Holder {
    return new Holder(spawn(program, [String(index)], { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  get pid(): number {
    return this.child.pid as number;
  }

  tell(command: string): void {
    this.child.stdin?.write(`${command}\n`);
  }

  /** So many connections more, closed so far. Resolves when the holder knows them: they would fill this process's memory. */
  async add(tokens: readonly string[]): Promise<void> {
    for (const token of tokens) this.tell(`token ${token}`);
    await this.report();
  }

  async report(): Promise<HolderReport> {
    return (await this.#ask('report')) as HolderReport;
  }

  /** Returns how many connections have asked to join. */
  async join(room: string, every: number): Promise<number> {
    return ((await this.#ask(`join ${room} ${every}`)) as { joined: number }).joined;
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  async #ask(command: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject });
      this.tell(command);
    });
  }
}
