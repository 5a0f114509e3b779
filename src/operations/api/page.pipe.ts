import { Injectable, type PipeTransform } from '@nestjs/common';
import { MEMBERS_PER_PAGE_MAX } from '../../rooms/room-members.js';
import { userIdFromText } from '../../wire/user-id.js';
import { ApiError } from './api-error.js';

const MEMBERS_PER_PAGE = 100;

/** Which members of a room are asked for. */
export interface Page {
  readonly limit: number;
  /** '': from the first. */
  readonly after: string;
}

/** Reads `limit` and `after` of a query. */
@Injectable()
export class PagePipe implements PipeTransform<Readonly<Record<string, unknown>>, Page> {
  transform({ limit = String(MEMBERS_PER_PAGE), after }: Readonly<Record<string, unknown>>): Page {
    if (typeof limit !== 'string' || !/^\d{1,4}$/.test(limit)) throw new ApiError('bad_request');
    const members = Number(limit);
    if (members < 1 || members > MEMBERS_PER_PAGE_MAX) throw new ApiError('bad_request');
    if (after === undefined) return { limit: members, after: '' };
    if (typeof after !== 'string' || userIdFromText(after) === null) throw new ApiError('bad_user_id');
    return { limit: members, after };
  }
}
