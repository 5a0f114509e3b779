import type { ClusterNodeOptions } from './options.js';
import type {
  Arrival,
  Endpoint,
  NodeId,
  OutgoingMessage,
  PeerSnapshot,
  ProtocolEvent,
  ProtocolNode,
  ProtocolStatistics,
  SendResult,
  Transmit,
} from './contract.js';

/** Skeleton: the shape others build against. */
export class ClusterNode implements ProtocolNode {
  readonly nodeId: NodeId;

  constructor(options: ClusterNodeOptions) {
    this.nodeId = options.bootId.toString('hex');
  }

  handleDatagram(_now: number, _arrival: Arrival, _bytes: Buffer, _source: Endpoint): void {}
  handleTimeout(_now: number): void {}
  flush(_now: number): void {}
  setSeeds(_now: number, _endpoints: readonly Endpoint[]): void {}
  join(_now: number, _userId: string, _token: number): void {}
  leave(_now: number, _userId: string, _token: number): void {}
  send(_now: number, _message: OutgoingMessage, _token: number): SendResult {
    return 'none';
  }
  acknowledge(_now: number, _peer: NodeId, _receipt: number, _delivered: number): void {}
  publish(_now: number, _channel: string, _body: Buffer): boolean {
    return false;
  }
  inquire(_now: number, _topic: string, _body: Buffer, _timeoutMs: number, _token: number): void {}
  answer(_now: number, _peer: NodeId, _id: number, _body: Buffer): void {}
  shutdown(_now: number): void {}
  pollTransmit(): Transmit | undefined {
    return undefined;
  }
  pollEvent(): ProtocolEvent | undefined {
    return undefined;
  }
  pollTimeout(): number {
    return Infinity;
  }
  isReady(): boolean {
    return false;
  }
  problems(): readonly string[] {
    return [];
  }
  peers(): PeerSnapshot[] {
    return [];
  }
  statistics(): ProtocolStatistics {
    throw new Error('not written yet');
  }
}
