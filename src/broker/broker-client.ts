import { ConfigurationError } from '../config/variables.js';

/** Where a session's messages go. */
export interface Inbox {
  /** What is subscribed to before the session begins. */
  readonly subjects: readonly string[];
  /** The bytes stay valid: nobody writes into them later. */
  receive(subject: string, bytes: Buffer): void;
  /** The broker has refused something. The session goes on. For people. */
  complain(what: string): void;
}

/** One connection to a broker, from its beginning to its end. It is never renewed: another one takes its place. */
export interface BrokerSession {
  /** The "host:port" of the server it is with. */
  readonly server: string;
  /** What was published, and the broker has not confirmed to have read, in bytes. */
  readonly unconfirmedBytes: number;
  /** Resolves when the session has ended, with the reason. Never rejects. */
  readonly ended: Promise<string>;
  /** The bytes must not change until the next turn of the event loop. Never throws on I/O. */
  publish(subject: string, bytes: Buffer): void;
  close(): Promise<void>;
}

/** The port to a broker's client library. Subjects need no escaping but what `subjectPart` does. */
export abstract class BrokerClient {
  /** What people call it. */
  abstract readonly broker: 'NATS' | 'Redis';
  /** Its servers as configured, without secrets. */
  abstract readonly servers: string;

  /**
   * Loads the library, and files that the configuration names. Called once, before `connect`.
   *
   * @throws {ConfigurationError} when the library is not installed, or a file can't be read
   */
  abstract load(): Promise<void>;

  /**
   * @param patienceMs after which an attempt has failed
   * @throws {BrokerRefusal} when a server has refused us for a reason that does not pass by itself
   * @throws other errors when no server could be reached
   */
  abstract connect(inbox: Inbox, patienceMs: number): Promise<BrokerSession>;
}

/** A server was reached and refused us: a wrong password, a certificate of another name. */
export class BrokerRefusal extends Error {
  override readonly name = 'BrokerRefusal';

  /** @param variable what is probably to be changed */
  constructor(
    readonly variable: string,
    message: string,
  ) {
    super(message);
  }
}

/** Loads a library that is installed only where its broker is used. */
export async function loadLibrary<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = `needs the package ${name}, which is not installed: npm install ${name}`;
    throw new ConfigurationError([{ variable: 'CLUSTER_BUS', message }]);
  }
}

/** Any text as one part of a subject: without dots, blanks and wildcards. Different texts stay different. */
export function subjectPart(text: string): string {
  // An empty part is not allowed in NATS. A lone % is nothing that is encoded.
  if (text === '') return '%';
  return encodeURIComponent(text).replaceAll(
    /[.!~*'()]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
