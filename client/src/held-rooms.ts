import type { AnyConnection } from './connection.js';
import type { Room, RoomOptions } from './room.js';

/** What components want of one room. */
interface Holding {
  room: Room;
  /** What the room was last joined with. */
  said: string;
  readonly wishes: Set<RoomOptions>;
}

const holdings = new WeakMap<AnyConnection, Map<string, Holding>>();

/**
 * Joins a room for one component of several. The room is left when the last one has released it, and not before the turn
 * ends: a component that is mounted anew at once, as under StrictMode, does not leave and enter.
 */
export function hold(
  connection: AnyConnection,
  name: string,
  wish: RoomOptions,
): { room: Room; release: () => void } {
  const rooms = holdings.get(connection) ?? new Map<string, Holding>();
  holdings.set(connection, rooms);
  const holding = rooms.get(name) ?? { room: connection.room(name), said: '{}', wishes: new Set() };
  if (holding.room.state === 'left') {
    holding.room = connection.room(name);
    holding.said = '{}';
  }
  rooms.set(name, holding);
  holding.wishes.add(wish);
  say(connection, holding);
  const release = (): void => {
    holding.wishes.delete(wish);
    queueMicrotask(() => {
      if (holding.wishes.size > 0) {
        say(connection, holding);
      } else if (rooms.delete(name)) {
        holding.room.leave().catch(() => undefined);
      }
    });
  };
  return { room: holding.room, release };
}

/** Joins with what all of them want together, where that has changed. */
function say(connection: AnyConnection, holding: Holding): void {
  if (holding.room.state === 'left') return;
  const wishes = [...holding.wishes];
  const isWatched = wishes.some(({ presence }) => presence === 'watch' || presence === 'both');
  const isEntered = wishes.some(({ presence }) => presence === 'enter' || presence === 'both');
  let presence: RoomOptions['presence'];
  if (isWatched && isEntered) presence = 'both';
  else if (isWatched) presence = 'watch';
  else if (isEntered) presence = 'enter';
  const options = { presence, info: wishes.filter((wish) => wish.info !== undefined).at(-1)?.info };
  const said = JSON.stringify(options);
  if (said === holding.said) return;
  holding.said = said;
  connection.room(holding.room.name, options);
}
