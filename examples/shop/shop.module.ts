import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { Orders } from './orders.js';
import { shopConfig } from './shop.config.js';
import { ShopGateway } from './shop.gateway.js';

/** Goes into the imports of the root module, beside LanfareModule. */
@Module({ imports: [ConfigModule.forFeature(shopConfig)], providers: [Orders, ShopGateway] })
export class ShopModule {}
