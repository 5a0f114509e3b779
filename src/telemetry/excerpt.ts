const EXCERPT_LENGTH = 120;
const FRAMES = 6;

/**
 * What may be logged of a text that strangers have a say in: its beginning, in quotes, with line breaks and control
 * characters escaped, so that it can neither fill the log nor forge a line of it.
 */
export function excerpt(text: string): string {
  const beginning = JSON.stringify(text.slice(0, EXCERPT_LENGTH)).replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > EXCERPT_LENGTH ? `${beginning} and ${text.length - EXCERPT_LENGTH} more` : beginning;
}

/**
 * An error for the log: an excerpt of its message, which may quote input, and where it came from. Never throws: anything
 * can be thrown, also what has no text.
 */
export function describeError(error: unknown): string {
  try {
    if (!(error instanceof Error)) return excerpt(String(error));
    const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at \S/.test(line));
    return [`${error.name}: ${excerpt(error.message)}`, ...frames.slice(0, FRAMES)].join('\n');
  } catch {
    return 'something that cannot be shown';
  }
}
