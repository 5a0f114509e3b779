/** The settings of one seed: the nodes, their limits and timing, what the network does, which faults come, and the work. */
import type { Limits, Timing } from '../options.js';
import type { Conditions } from './conditions.js';
import type { Pace } from './process.js';

/** Incidents a second, over all hosts. */
export interface IncidentRates {
  readonly crash: number;
  readonly massCrash: number;
  readonly shutdown: number;
  readonly pause: number;
  readonly suspend: number;
  readonly leap: number;
  readonly clog: number;
  readonly partition: number;
  readonly oneWay: number;
  readonly isolate: number;
  readonly flap: number;
  readonly flip: number;
  readonly narrow: number;
  readonly slow: number;
  /** Nothing is carried, for all hosts. */
  readonly outage: number;
}

export interface Workload {
  readonly users: number;
  readonly offlineUsers: number;
  readonly rooms: number;
  /** Per second and node. */
  readonly joins: number;
  readonly leaves: number;
  readonly devicesPerNodeMax: number;
  readonly sends: number;
  readonly receiptShare: number;
  readonly burstShare: number;
  readonly burstMessages: number;
  readonly largeShare: number;
  readonly largeBytes: number;
  readonly bulks: number;
  readonly volatiles: number;
  readonly toAllShare: number;
  readonly publications: number;
  readonly questions: number;
  /** What those do who are seen in rooms, and those who look at them; 0: nobody does. */
  readonly presences: number;
  readonly storms: number;
  readonly stormJoins: number;
}

/** A firewall on one host, from some time on to the end of the chaos. */
export interface Firewall {
  readonly host: number;
  /** It begins after this share of the chaos. With 0 nothing ever passes; later, all nodes have met before. */
  readonly closesAt: number;
  /** The host whose datagrams it drops; null: it drops all unicast to this host. */
  readonly deafTo: number | null;
}

/** Lets no fragments through to a host, from some time on to the end of the run. */
export interface FragmentFilter {
  readonly host: number;
  /** After this share of the chaos. */
  readonly closesAt: number;
}

export interface Scenario {
  readonly kind: 'calm' | 'lossy' | 'chaotic';
  readonly mode: 'broadcast' | 'mesh';
  readonly hosts: number;
  readonly foreignHosts: number;
  readonly realCipher: boolean;
  readonly isRotating: boolean;
  readonly chaosMs: number;
  readonly timing: Timing;
  readonly limits: Limits;
  readonly datagramBytes: number;
  readonly datagramBytesMax: number;
  readonly frameBytes: number;
  readonly filter: FragmentFilter | null;
  readonly messageBytesMax: number;
  readonly conditions: Conditions;
  readonly incidents: IncidentRates;
  readonly firewall: Firewall | null;
  readonly workload: Workload;
  readonly paces: readonly Pace[];
}

export interface Wishes {
  readonly mode?: 'broadcast' | 'mesh' | undefined;
  /** Every seed with chaos has outages. */
  readonly outages?: boolean | undefined;
}
