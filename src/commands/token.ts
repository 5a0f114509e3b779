/** Makes a token for development, signed with the first of AUTH_JWT_SECRET: `npm run token -- --sub 1 [--ttl 1h]`. */
import { SignJWT } from 'jose';
import { parseArgs } from 'node:util';
import { authenticationVariables } from '../authentication/authentication.config.js';
import { userIdFromText } from '../wire/user-id.js';
import { loadEnvironment } from './environment.js';

const { values: options } = parseArgs({
  options: { sub: { type: 'string' }, ttl: { type: 'string', default: '1h' } },
});

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const {
  AUTH_JWT_SECRET: [secret],
  AUTH_JWT_ISSUER: issuer,
  AUTH_JWT_AUDIENCE: audience,
} = authenticationVariables.parse(loadEnvironment());

if (options.sub === undefined || userIdFromText(options.sub) === null) {
  fail('Whose? npm run token -- --sub <user id> [--ttl 1h]');
}
if (secret === undefined) {
  fail(
    'AUTH_JWT_SECRET is not set, so there is nothing to sign with. With AUTH_MODE=insecure no token is needed: connect with ?user_id=',
  );
}
const token = new SignJWT({ sub: options.sub }).setProtectedHeader({ alg: 'HS256' }).setIssuedAt();
if (issuer !== undefined) token.setIssuer(issuer);
if (audience !== undefined) token.setAudience(audience);
try {
  token.setExpirationTime(options.ttl);
} catch {
  fail(`--ttl ${options.ttl} is no time span: write 90s, 15m, 1h or 7d`);
}
process.stdout.write(`${await token.sign(new TextEncoder().encode(secret))}\n`);
