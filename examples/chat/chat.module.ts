import { Global, Module } from '@nestjs/common';
import { MessagePolicy } from 'lanfare';
import { ChatPolicy } from './chat-policy.js';
import { PageController } from './page.controller.js';

/** Goes into the imports of the root module, beside LanfareModule. Global, because the core does not import it. */
@Global()
@Module({
  controllers: [PageController],
  providers: [{ provide: MessagePolicy, useClass: ChatPolicy }],
  exports: [MessagePolicy],
})
export class ChatModule {}
