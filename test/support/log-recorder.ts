import type { LoggerService } from '@nestjs/common';

/** Keeps what a node logs, one line each. */
export class LogRecorder implements LoggerService {
  readonly lines: string[] = [];

  get text(): string {
    return this.lines.join('\n');
  }

  readonly log = (message: unknown): void => this.#add(message);
  readonly warn = (message: unknown): void => this.#add(message);
  readonly error = (message: unknown): void => this.#add(message);

  #add(message: unknown): void {
    this.lines.push(String(message));
  }
}
