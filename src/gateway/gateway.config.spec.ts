import { describe, expect, it } from '@jest/globals';
import { variableTable } from '../config/variable-table.js';
import { CLOSES, UPGRADE_REFUSALS, type CloseName, type UpgradeRefusalCode } from '../wire/codes.js';
import { gatewayVariables } from './gateway.config.js';

/** How a client that exceeds the limit is closed. */
const CLOSED: Readonly<Record<string, CloseName>> = {
  WS_MAX_PAYLOAD_BYTES: 'too_big',
  WS_MAX_FRAGMENTS: 'policy_violation',
  WS_MESSAGES_PER_SECOND: 'rate_limited',
  WS_BUFFER_LIMIT_BYTES: 'slow_client',
  WS_BUFFER_TOTAL_BYTES: 'slow_client',
  WS_UNHANDLED_TOTAL_BYTES: 'unhandled',
  WS_PING_INTERVAL_MS: 'heartbeat',
  SHUTDOWN_GRACE_MS: 'draining',
};
const REFUSED: Readonly<Record<string, UpgradeRefusalCode>> = {
  WS_MAX_CONNECTIONS: 'full',
  WS_MAX_CONNECTIONS_PER_USER: 'too_many_for_user',
  WS_MAX_CONNECTIONS_PER_IP: 'too_many_from_address',
  WS_CONNECTIONS_PER_SECOND: 'connecting_too_fast',
  WS_HANDSHAKE_TIMEOUT_MS: 'authentication_unavailable',
};

describe('a limit of the public door', () => {
  const descriptions = new Map(
    variableTable([gatewayVariables]).map((entry) => [entry.name, entry.description]),
  );

  it.each(Object.entries(CLOSED))('%s is described with the code that closes: %s', (variable, name) => {
    expect(descriptions.get(variable)).toMatch(new RegExp(`clos.*with ${CLOSES[name].code}\\b`));
  });

  it.each(Object.entries(REFUSED))('%s is described with the status of the refusal %s', (variable, code) => {
    expect(descriptions.get(variable)).toMatch(
      new RegExp(`upgrades? gets? ${UPGRADE_REFUSALS[code].status}\\b`),
    );
  });
});
