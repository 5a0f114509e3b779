import { Module } from '@nestjs/common';
import { ConfigModule, type ConfigType } from '@nestjs/config';
import { randomBytes } from 'node:crypto';
import { NatsClient } from '../broker/nats-client.js';
import { natsConfig } from '../broker/nats.config.js';
import { RedisClient } from '../broker/redis-client.js';
import { redisConfig } from '../broker/redis.config.js';
import { customContradicted } from '../config/own-port.js';
import { version } from '../config/version.js';
import { UdpBroadcast } from '../udp-broadcast/udp-broadcast.js';
import { UdpBroadcastModule } from '../udp-broadcast/udp-broadcast.module.js';
import { Bus } from './bus/bus.js';
import { NoneBus } from './bus/none-bus.js';
import { PlainBus } from './bus/plain-bus.js';
import { ProtocolBus } from './bus/protocol-bus.js';
import type { Carrier } from './carrier/carrier.js';
import { BrokerCarrier } from './carrier/broker-carrier.js';
import { UdpCarrier } from './carrier/udp-carrier.js';
import { clusterConfig } from './cluster.config.js';
import { BUS_IN_FORCE, Cluster } from './cluster.js';

/** A node's identity: 96 random bits, so that a restart is never taken for the node that was there before. */
const NODE_ID_BYTES = 12;

@Module({
  imports: [
    UdpBroadcastModule,
    ConfigModule.forFeature(clusterConfig),
    ConfigModule.forFeature(natsConfig),
    ConfigModule.forFeature(redisConfig),
  ],
  providers: [
    Cluster,
    {
      provide: BUS_IN_FORCE,
      inject: [
        clusterConfig.KEY,
        natsConfig.KEY,
        redisConfig.KEY,
        UdpBroadcast,
        { token: Bus, optional: true },
      ],
      useFactory: (
        config: ConfigType<typeof clusterConfig>,
        nats: ConfigType<typeof natsConfig>,
        redis: ConfigType<typeof redisConfig>,
        udp: UdpBroadcast,
        own?: Bus,
      ): Bus => {
        if (own !== undefined && config.CLUSTER_BUS !== 'custom')
          throw customContradicted('CLUSTER_BUS', 'Bus', own);
        const bootId = randomBytes(NODE_ID_BYTES);
        const nodeId = bootId.toString('hex');
        const over = (carrier: Carrier): Bus =>
          new ProtocolBus(bootId, { ...config, version: version() }, carrier);
        switch (config.CLUSTER_BUS) {
          case 'none':
            return new NoneBus(nodeId);
          case 'plain':
            return new PlainBus(nodeId, udp);
          case 'udp':
            return over(new UdpCarrier(udp));
          case 'nats':
            return over(new BrokerCarrier(new NatsClient(nats), config.CLUSTER_NAME, bootId));
          case 'redis':
            return over(new BrokerCarrier(new RedisClient(redis), config.CLUSTER_NAME, bootId));
          case 'custom':
            if (own === undefined) throw customContradicted('CLUSTER_BUS', 'Bus', own);
            return own;
        }
      },
    },
  ],
  exports: [Cluster],
})
export class ClusterModule {}
