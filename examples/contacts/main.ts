import { Module } from '@nestjs/common';
import { LanfareModule, startNode } from 'lanfare';
import { ContactsModule } from './contacts.module.js';

@Module({ imports: [LanfareModule, ContactsModule] })
class AppModule {}

// a token of one who may write to bob: npm run token -- --sub ann --claims '{"contacts":["bob"]}'
await startNode(AppModule);
