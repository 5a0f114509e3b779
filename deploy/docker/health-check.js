/**
 * Whether the node of this container answers: exit code 0, else 1. It runs every few seconds, so it reads the variables
 * that say where the doors are by itself, and loads nothing of the server.
 */
import { get } from 'node:http';
import { env, exit, loadEnvFile } from 'node:process';

// as in the server: an empty variable counts as not set, and the environment wins over the file
for (const name of ['OPS_HOST', 'OPS_PORT', 'HOST', 'PORT']) if (env[name] === '') delete env[name];
if (env['ENV_FILE']) loadEnvFile(env['ENV_FILE']);

const opsPort = Number(env['OPS_PORT'] || '9866');
// without an operators' door, any answer of the public door shows that the node is alive
const isOpsOff = opsPort === 0;
const host = (isOpsOff ? env['HOST'] : env['OPS_HOST']) || '127.0.0.1';
const port = isOpsOff ? Number(env['PORT'] || '8866') : opsPort;

get(
  { host: host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host, port, path: '/healthz' },
  ({ statusCode }) => exit(isOpsOff || statusCode === 200 ? 0 : 1),
).on('error', () => exit(1));
