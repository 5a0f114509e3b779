import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { shopVariables } from './shop.config.js';
import { ShopModule } from './shop.module.js';

@Module({ imports: [LanfareModule, ShopModule] })
class AppModule {}

// customers need the claim: npm run token -- --sub ann --claims '{"role":"customer"}'
await startNode(AppModule, { variables: [shopVariables] });
