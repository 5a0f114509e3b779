import { ConfigurationError } from './variables.js';

/**
 * A variable must name what is in force: `custom` needs a port of the application's own, and an own port needs `custom`.
 *
 * @param own what a module provides for the port; undefined: nothing
 */
export function customContradicted(
  variable: string,
  port: string,
  own: object | undefined,
): ConfigurationError {
  const message =
    own === undefined
      ? `custom needs a global module of your own that exports a ${port}`
      : `must be custom: a module provides ${own.constructor.name}`;
  return new ConfigurationError([{ variable, message }]);
}
