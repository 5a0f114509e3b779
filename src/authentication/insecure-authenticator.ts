import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { userIdFromText } from '../wire/user-id.js';
import { Authenticator, type Identity, type Rejection } from './authenticator.js';

/** Believes `?user_id=` unchecked. For development, and for networks where everyone is trusted. */
@Injectable()
export class InsecureAuthenticator extends Authenticator {
  authenticate(request: IncomingMessage): Identity | Rejection {
    const { url = '' } = request;
    const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
    const ids = new URLSearchParams(query).getAll('user_id');
    // URLSearchParams turns broken escapes into U+FFFD: that would be another user than the one meant
    const id = ids.length === 1 && isDecodable(query) ? userIdFromText(ids[0] as string) : null;
    return id === null ? 'bad_user_id' : { userId: id, expiresAt: null };
  }

  /** There are no tokens, so there is nothing to refresh. */
  refresh(): Rejection {
    return 'unauthorized';
  }
}

function isDecodable(query: string): boolean {
  try {
    decodeURIComponent(query.replaceAll('+', ' '));
    return true;
  } catch {
    return false;
  }
}
