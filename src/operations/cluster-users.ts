import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Cluster } from '../cluster/cluster.js';
import type { Connection } from '../connections/connection.js';
import { ConnectionRegistry } from '../connections/connection-registry.js';

/** Topics between nodes. A node of a version that does not know one counts as missing. */
const CONNECTIONS = 'lanfare.connections';
const DISCONNECT = 'lanfare.disconnect';
const CENSUS = 'lanfare.census';
/** How long this node waits for the others. */
const TIMEOUT_MS = 1000;
/** The last millisecond that a Date can be (ECMAScript 21.4.1.1). */
const TIME_MS_MAX = 8.64e15;

const question = z.object({ user_id: z.string() });
const count = z.int().min(0);
const connection = z.object({ connection_id: z.string(), connected_at: count.max(TIME_MS_MAX) });
const connectionsAnswer = z.object({ connections: z.array(connection) });
const disconnectAnswer = z.object({ closed: count });
const censusAnswer = z.object({ connections: count, users: count });

/** One device of a user, somewhere in the cluster. */
export interface ClusterConnection {
  readonly connectionId: string;
  readonly nodeId: string;
  /** Milliseconds since the epoch, by the clock of its node. */
  readonly connectedAt: number;
}

/** How many connections and users one node has. */
type Census = z.infer<typeof censusAnswer>;

interface Gathered<T> {
  readonly answers: ReadonlyMap<string, T>;
  /** False when a node did not answer, or the bus cannot know which nodes there are. */
  readonly complete: boolean;
}

/**
 * Asks all nodes about users, and answers the questions of other nodes. It is part of the public application: a node
 * answers even if its own operators' door is closed.
 */
@Injectable()
export class ClusterUsers {
  constructor(
    private readonly cluster: Cluster,
    private readonly connections: ConnectionRegistry,
  ) {
    cluster.respond(CONNECTIONS, (body) => {
      const asked = question.safeParse(body);
      return { connections: asked.success ? this.#connectionsHere(asked.data.user_id) : [] };
    });
    cluster.respond(DISCONNECT, (body) => {
      const asked = question.safeParse(body);
      return { closed: asked.success ? this.#disconnectHere(asked.data.user_id) : 0 };
    });
    cluster.respond(CENSUS, () => this.#censusHere());
  }

  /** Every connection of the user, those of this node first. */
  async connectionsOf(userId: string): Promise<{ connections: ClusterConnection[]; complete: boolean }> {
    const here = this.#connectionsHere(userId);
    const { answers, complete } = await this.#ask(CONNECTIONS, { user_id: userId }, connectionsAnswer);
    const all = [[this.cluster.nodeId, { connections: here }] as const, ...answers];
    return {
      complete,
      connections: all.flatMap(([nodeId, { connections }]) =>
        connections.map(({ connection_id, connected_at }) => ({
          connectionId: connection_id,
          nodeId,
          connectedAt: connected_at,
        })),
      ),
    };
  }

  /** Closes every connection of the user with 4501. A connection that opens meanwhile may stay. */
  async disconnect(userId: string): Promise<{ closed: number; complete: boolean }> {
    const here = this.#disconnectHere(userId);
    const { answers, complete } = await this.#ask(DISCONNECT, { user_id: userId }, disconnectAnswer);
    const elsewhere = [...answers.values()].reduce((sum, { closed }) => sum + closed, 0);
    return { closed: here + elsewhere, complete };
  }

  /** How many connections and users each node has, by node id. Nodes that do not answer are missing. */
  async census(): Promise<ReadonlyMap<string, Census>> {
    const { answers } = await this.#ask(CENSUS, null, censusAnswer);
    return new Map([[this.cluster.nodeId, this.#censusHere()], ...answers]);
  }

  async #ask<T>(topic: string, body: unknown, schema: z.ZodType<T>): Promise<Gathered<T>> {
    const { answers, complete } = await this.cluster.ask(topic, body, TIMEOUT_MS);
    const understood = new Map<string, T>();
    for (const { nodeId, data } of answers) {
      const answer = schema.safeParse(data);
      if (answer.success) understood.set(nodeId, answer.data);
    }
    return { answers: understood, complete: complete && understood.size === answers.length };
  }

  #connectionsHere(userId: string): z.infer<typeof connection>[] {
    return this.#devicesHere(userId).map(({ id, connectedAt }) => ({
      connection_id: id,
      connected_at: connectedAt,
    }));
  }

  #disconnectHere(userId: string): number {
    const devices = this.#devicesHere(userId);
    for (const device of devices) device.close();
    return devices.length;
  }

  /** The connections that messages reach. A connection that is closing may take its time, and is not one of them. */
  #devicesHere(userId: string): Connection[] {
    return this.connections.of(userId).filter(({ isClosing }) => !isClosing);
  }

  #censusHere(): Census {
    return { connections: this.connections.size, users: this.connections.userCount };
  }
}
