/** What an application uses of Lanfare. Everything else is internal. Importing it reads no environment and no file. */
export { LanfareModule } from './lanfare.module.js';
export { startNode, type NodeOptions } from './start-node.js';

export { Messaging, MessageRefusedError } from './messaging/messaging.js';
export { Rooms, RoomRefusedError } from './rooms/rooms.js';
export type { RoomMember, RoomPage } from './rooms/room-members.js';
export type { RoomCount, RoomEffect, RoomPublishOptions } from './rooms/rooms.js';
export type { RoomChange } from './rooms/memberships.js';
export { RoomPolicy } from './rooms/room-policy.js';
export { UserEvents } from './messaging/user-events.js';
export { MessagePolicy } from './messaging/message-policy.js';
export type { MessageSample } from './messaging/message-sample.js';
export { Presence, type UserPresence, type UserPresenceChange } from './presence/presence.js';
export { ConnectionRegistry, type ConnectionChange } from './connections/connection-registry.js';
export { ConnectionKey } from './connections/connection-key.js';
export type { Connection } from './connections/connection.js';
export { Cluster, type ClusterAnswers } from './cluster/cluster.js';
export type { Channel, ChannelMessage } from './cluster/channel.js';
export { Bus } from './cluster/bus/bus.js';
export type {
  Address,
  Answers,
  BusHealth,
  BusRefusal,
  BusStatistics,
  Gap,
  Holders,
  HoldersChange,
  InboundMessage,
  InboundRoomMessage,
  Question,
  PeerChange,
  PeerView,
  Publication,
  Receipt,
} from './cluster/bus/bus.js';
export { Authenticator, type Identity, type Rejection } from './authentication/authenticator.js';
export { ModuleMetrics, type MetricsSource } from './operations/metrics/module-metrics.js';
export { UdpBroadcast } from './udp-broadcast/udp-broadcast.js';
export type { Datagram } from './udp-broadcast/datagram.js';

export type { GatewayOptions } from './gateway/module-gateways/gateway-options.js';
export type { FrameRequest } from './gateway/module-gateways/frame-request.js';

export { ConfigurationError, flag, integer, list, port, secrets, Variables } from './config/variables.js';
export type { Environment, Problem } from './config/variables.js';
export type { Message, RoomMessage, TraceContext } from './wire/message.js';
export type { Outcome } from './wire/outgoing-frame.js';
