/** Events that the core answers itself, on every path. No gateway's handler is ever called for one. */
export const EVENTS_HANDLED = ['send', 'ping', 'refresh'] as const;

/** The same, but on WS_PATH only: on other paths modules may have events of these names. */
export const EVENTS_OF_ROOMS = ['join', 'leave', 'publish', 'watch', 'unwatch'] as const;

/** Events that the core sends. On WS_PATH they always mean what docs/client-protocol.md says. */
const EVENTS_SENT = [
  'ready',
  'message',
  'joined',
  'left',
  'presence',
  'ack',
  'pong',
  'error',
  'token_expiring',
] as const;

const names = new Set<string>([...EVENTS_HANDLED, ...EVENTS_OF_ROOMS, ...EVENTS_SENT]);

/** Whether the name is the core's. An application's event on WS_PATH can't have such a name. */
export function isCoreEvent(event: string): boolean {
  return names.has(event);
}
