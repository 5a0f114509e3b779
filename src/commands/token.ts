/** Makes a token for development, signed with the first of AUTH_JWT_SECRET. */
import { SignJWT, type JWTPayload } from 'jose';
import { authenticationVariables } from '../authentication/authentication.config.js';
import { userIdFromText } from '../wire/user-id.js';
import { CommandLine } from './command-line.js';
import { loadEnvironment } from './environment.js';

const USAGE = `usage: lanfare token --sub <user id> [--ttl 1h] [--claims <JSON>]    (in a checkout: npm run token -- …)

Makes a token for development, with the issuer and audience that are configured, signed with the first of
AUTH_JWT_SECRET.

  --sub     the user's id
  --ttl     how long it is valid: 90s, 15m, 1h, 7d (1h)
  --claims  what else it says of the user: a JSON object such as {"role":"admin"}

Exit code: 0, or 1 when there is no AUTH_JWT_SECRET or the configuration is not valid.
`;

const commandLine = CommandLine.read(USAGE, {
  sub: { type: 'string' },
  ttl: { type: 'string', default: '1h' },
  claims: { type: 'string', default: '{}' },
});
const { sub, ttl, claims } = commandLine.options;
const user =
  userIdFromText(sub ?? '') ??
  commandLine.refuse('--sub must be the id of a user: a well-formed string of 1 to 128 bytes');
const token = new SignJWT({ ...readClaims(), sub: user }).setProtectedHeader({ alg: 'HS256' }).setIssuedAt();
try {
  token.setExpirationTime(ttl);
} catch {
  commandLine.refuse(`--ttl ${ttl} is no time span`);
}

const {
  AUTH_JWT_SECRET: [secret],
  AUTH_JWT_ISSUER: issuer,
  AUTH_JWT_AUDIENCE: audience,
} = authenticationVariables.parse(loadEnvironment());

if (secret === undefined) {
  process.stderr.write(
    'AUTH_JWT_SECRET is not set, so there is nothing to sign with. With AUTH_MODE=insecure no token is needed: connect with ?user_id=\n',
  );
  process.exit(1);
}
if (issuer !== undefined) token.setIssuer(issuer);
if (audience !== undefined) token.setAudience(audience);
process.stdout.write(`${await token.sign(new TextEncoder().encode(secret))}\n`);

function readClaims(): JWTPayload {
  try {
    const value: unknown = JSON.parse(claims);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JWTPayload;
  } catch {
    // refused below, like JSON that is no object
  }
  return commandLine.refuse(`--claims ${claims} is no JSON object`);
}
