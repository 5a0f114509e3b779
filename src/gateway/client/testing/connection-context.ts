import { GatewayStatistics } from '../../gateway-statistics.js';
import type { Arrival } from '../arrival.js';
import { Backlogs, FROM_CLIENTS, TO_CLIENTS } from '../backlogs.js';
import { ClientConnection, type ConnectionContext } from '../client-connection.js';
import { TokenExpiries } from '../token-expiries.js';

/** What connections have in common: they take all frames, and do nothing with them. */
export function connectionContext(overrides: Partial<ConnectionContext> = {}): ConnectionContext {
  return {
    receiver: { admit: () => true, receive: () => true, countControl: () => undefined },
    statistics: new GatewayStatistics(),
    bufferLimitBytes: 1_000_000,
    backlogs: new Backlogs(TO_CLIENTS, 1_000_000),
    unhandled: new Backlogs(FROM_CLIENTS, 1_000_000),
    expiries: new TokenExpiries(),
    inFlightMax: 100,
    left: () => undefined,
    ...overrides,
  };
}

/** A device of the user, of lanfare.v1.json, whose upgrade is held. */
export function connectionOf(
  userId: string,
  context: ConnectionContext,
  overrides: Partial<Arrival> = {},
): ClientConnection {
  return new ClientConnection(
    'c',
    {
      identity: { userId, expiresAt: null },
      isEnveloped: true,
      address: '127.0.0.1',
      params: {},
      isMain: true,
      ...overrides,
    },
    context,
  );
}
