import { parseArgs, type ParseArgsConfig } from 'node:util';

type Known = NonNullable<ParseArgsConfig['options']>;

/** The exit code that shells use for a wrong use of a command. */
const MISUSED = 2;

/** The options a command was started with. `--help` prints its usage and ends the process with 0. */
export class CommandLine<const T extends Known> {
  readonly options: ReturnType<typeof parseArgs<{ options: T }>>['values'];

  private constructor(
    private readonly usage: string,
    known: T,
  ) {
    const { help, ...options } = this.#parse({ ...known, help: { type: 'boolean', short: 'h' } });
    if (help === true) {
      process.stdout.write(usage);
      process.exit(0);
    }
    this.options = options as typeof this.options;
  }

  /** Ends the process with 2 at an unknown option, a missing value, or an argument that is no option. */
  static read<const T extends Known>(usage: string, known: T): CommandLine<T> {
    return new CommandLine(usage, known);
  }

  /** The value of an option that must be a whole number. Ends the process with 2 if it is not. */
  wholeNumber(name: keyof T & string, min: number, max: number): number {
    const text = String((this.options as Record<string, unknown>)[name]);
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= min && number <= max) return number;
    this.refuse(`--${name} must be a whole number from ${min} to ${max}, not ${text}`);
  }

  /** Ends the process with 2. Prints what is wrong, and how the command is used. */
  refuse(problem: string): never {
    process.stderr.write(`${problem}\n\n${this.usage}`);
    process.exit(MISUSED);
  }

  #parse(options: Known): Record<string, unknown> {
    try {
      return parseArgs({ options }).values;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code?.startsWith('ERR_PARSE_ARGS_') !== true) throw error;
      // the sentences after the first one are about positional arguments, which no command takes
      this.refuse(message.split('. ')[0] as string);
    }
  }
}
