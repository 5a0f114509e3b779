/** Events that the core answers itself, on every path: no gateway's handler is ever called for one. */
export const EVENTS_HANDLED = ['send', 'ping', 'refresh'] as const;

/** Events that the core sends: on WS_PATH they mean to clients what docs/client-protocol.md says, and nothing else. */
const EVENTS_SENT = ['ready', 'message', 'ack', 'pong', 'error', 'token_expiring'] as const;

const names = new Set<string>([...EVENTS_HANDLED, ...EVENTS_SENT]);

/** Whether it is a name of the core's, which an application's own event on WS_PATH can't have. */
export function isCoreEvent(event: string): boolean {
  return names.has(event);
}
