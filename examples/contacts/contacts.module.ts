import { Global, Module } from '@nestjs/common';
import { MessagePolicy } from 'lanfare';
import { ContactsPolicy } from './contacts-policy.js';

/** Goes into the imports of the root module, beside LanfareModule. Global, because the core does not import it. */
@Global()
@Module({ providers: [{ provide: MessagePolicy, useClass: ContactsPolicy }], exports: [MessagePolicy] })
export class ContactsModule {}
