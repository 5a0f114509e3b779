/** React hooks, for React 18 and later. */
import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useRef,
  useState,
  type ReactElement,
  type ReactNode,
} from 'react';
import type { AnyConnection, Connection } from './connection.js';
import { NotConnected } from './errors.js';
import { hold } from './held-rooms.js';
import type { Outcome } from './options.js';
import type { Presence } from './presence.js';
import type { PublishOptions, Room, RoomMessage, RoomOptions } from './room.js';
import type { State } from './state.js';
import { watchUsers, type UsersOnline } from './users.js';

const ConnectionContext = createContext<AnyConnection | null>(null);

/** Gives the connection to all components below. It stays yours: no hook closes it. */
export function ConnectionProvider({
  connection,
  children,
}: {
  connection: AnyConnection;
  children?: ReactNode;
}): ReactElement {
  return createElement(ConnectionContext.Provider, { value: connection }, children);
}

function useGiven(): Connection {
  const connection = useContext(ConnectionContext);
  if (connection === null) throw new TypeError('There is no ConnectionProvider above');
  return connection;
}

/** The connection, and its state as it changes. */
export function useConnection(): { connection: Connection; state: State } {
  const connection = useGiven();
  const [state, setState] = useState(connection.state);
  useEffect(() => {
    // what happened between the rendering and this
    setState(connection.state);
    return connection.on('state', setState);
  }, [connection]);
  return { connection, state };
}

export interface UseRoomOptions extends RoomOptions {
  /** How many of the last messages to keep. Default: 100. */
  keep?: number;
}

export interface RoomView<Data> {
  readonly state: Room['state'];
  /** Why it is `left`. */
  readonly reason: string;
  /** The last ones, oldest first. */
  readonly messages: readonly RoomMessage<Data>[];
  publish(data: Data, options?: PublishOptions): Promise<Outcome>;
}

/** In the room while the component is mounted, together with all others that are: the last one leaves it. */
export function useRoom<Data = unknown>(name: string, options: UseRoomOptions = {}): RoomView<Data> {
  const connection = useGiven();
  const { presence, info, keep = 100 } = options;
  const wish = JSON.stringify({ presence, info });
  const current = useRef<Room | null>(null);
  const [view, setView] = useState(() => newView<Data>(name));
  useEffect(() => {
    const { room, release } = hold(connection, name, JSON.parse(wish) as RoomOptions);
    current.current = room;
    const changed = (change: Partial<View<Data>> = {}): void =>
      setView((before) => ({
        ...(before.name === name ? before : newView<Data>(name)),
        state: room.state,
        ...change,
      }));
    changed();
    const stops = [
      room.on('joined', () => changed()),
      room.on('left', ({ reason }) => changed({ reason })),
      connection.on('state', () => changed()),
      room.on('message', (message) =>
        setView((before) => ({
          ...before,
          messages: [...before.messages, message as RoomMessage<Data>].slice(-keep),
        })),
      ),
      release,
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [connection, name, wish, keep]);
  const publish = (data: Data, publishOptions?: PublishOptions): Promise<Outcome> =>
    current.current?.publish(data, publishOptions) ?? Promise.reject(new NotConnected('not mounted yet'));
  return { state: view.state, reason: view.reason, messages: view.messages, publish };
}

interface View<Data> {
  readonly name: string;
  readonly state: Room['state'];
  readonly reason: string;
  readonly messages: readonly RoomMessage<Data>[];
}

function newView<Data>(name: string): View<Data> {
  return { name, state: 'joining', reason: '', messages: [] };
}

const NOBODY: Presence = { members: [], count: null };

/** Who is in a room. It watches; with `info` given to `useRoom` and `presence: 'enter'` it is seen too. */
export function usePresence(name: string): Presence {
  const connection = useGiven();
  const [presence, setPresence] = useState(NOBODY);
  useEffect(() => {
    const { room, release } = hold(connection, name, { presence: 'watch' });
    setPresence(room.presence);
    const stop = room.on('presence', setPresence);
    return () => {
      stop();
      release();
    };
  }, [connection, name]);
  return presence;
}

const UNKNOWN: UsersOnline = { online: [], complete: false, error: null };

/** Who of these users is online. */
export function useOnline(users: readonly (string | number)[]): UsersOnline {
  const connection = useGiven();
  const [told, setTold] = useState(UNKNOWN);
  const list = JSON.stringify(users);
  useEffect(() => watchUsers(connection, JSON.parse(list) as string[], setTold), [connection, list]);
  return told;
}
