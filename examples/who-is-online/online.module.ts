import { Module } from '@nestjs/common';
import { OnlineGateway } from './online.gateway.js';

/** Goes into the imports of the root module, beside LanfareModule. */
@Module({ providers: [OnlineGateway] })
export class OnlineModule {}
