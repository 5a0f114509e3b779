import { Injectable } from '@nestjs/common';
import { MessagePolicy, type Connection, type Message } from 'lanfare';

/**
 * Users may write to themselves, and to those whom the claim `contacts` of their token lists. Asked about every message of
 * a client; the sender of one that is refused gets the error `forbidden`.
 */
@Injectable()
export class ContactsPolicy extends MessagePolicy {
  allows({ userId, claims }: Connection, { to }: Message): boolean {
    const { contacts } = claims;
    return to === userId || (Array.isArray(contacts) && contacts.includes(to));
  }
}
