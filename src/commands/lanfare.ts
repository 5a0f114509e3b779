#!/usr/bin/env node
/** The command `lanfare`: starts a node, or runs one of the tools. */
const TOOLS = ['doctor', 'config:check', 'token'] as const;

const USAGE = `usage: lanfare [command]

  (none)        starts a node
  doctor        checks this host, and the LAN between hosts it runs on at the same time
  config:check  judges the environment, and prints the configuration in force
  token         makes a token for development

The environment is read from the process and from ENV_FILE, .env.<NODE_ENV> or .env.
`;

const [command, ...rest] = process.argv.slice(2);
process.argv.splice(2, process.argv.length, ...rest);

if (command === undefined) {
  await import('../main.js');
} else if ((TOOLS as readonly string[]).includes(command)) {
  await import(`./${command.replace(':', '-')}.js`);
} else {
  const isHelp = command === 'help' || command === '--help' || command === '-h';
  (isHelp ? process.stdout : process.stderr).write(USAGE);
  process.exit(isHelp ? 0 : 2);
}
