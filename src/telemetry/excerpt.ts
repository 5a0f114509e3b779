const EXCERPT_LENGTH = 120;
const FRAMES = 6;
/** Control characters (line ends are some), Unicode's line separators, and what turns the direction of text. */
// eslint-disable-next-line no-control-regex -- they are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/**
 * The part of somebody else's text that may be logged: its beginning, in quotes, with line breaks and control
 * characters escaped. So it can neither fill the log nor forge a line.
 */
export function excerpt(text: string): string {
  const beginning = printable(JSON.stringify(text.slice(0, EXCERPT_LENGTH)));
  return text.length > EXCERPT_LENGTH ? `${beginning} and ${text.length - EXCERPT_LENGTH} more` : beginning;
}

/**
 * The same for names, whose length is limited elsewhere: only unprintable characters are changed, to `\u000a` and the
 * like.
 */
export function printable(text: string): string {
  return text.replaceAll(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Describes an error for the log: an excerpt of its message, which may quote input, and where it was thrown. Never
 * throws: anything can be thrown, also a value that can't be turned into text.
 */
export function describeError(error: unknown): string {
  try {
    if (!(error instanceof Error)) return excerpt(String(error));
    return [`${error.name}: ${excerpt(error.message)}`, ...framesOf(error)].join('\n');
  } catch {
    return 'something that cannot be shown';
  }
}

/** Describes what ends the process: the whole stack, with the message as it is. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : describeError(error);
}

/** The frames in the stack, which follow the message. The message may have lines that look like frames. */
function framesOf({ message, stack = '' }: Error): string[] {
  const at = stack.indexOf(message);
  const lines = stack.slice(at < 0 ? 0 : at + message.length).split('\n');
  return lines.filter((line) => /^ {4}at \S/.test(line)).slice(0, FRAMES);
}
