import { Injectable, type PipeTransform } from '@nestjs/common';
import { ApiError } from './api-error.js';
import { UserIdPipe } from './user-id.pipe.js';

const USERS_MAX = 100;

/** Gives the user ids of a query, 1 to 100, in canonical form. One that is there twice is given once. */
@Injectable()
export class UserIdsPipe implements PipeTransform<unknown, string[]> {
  readonly #one = new UserIdPipe();

  transform(given: unknown): string[] {
    const ids = typeof given === 'string' ? [given] : given;
    if (!Array.isArray(ids) || ids.length > USERS_MAX) throw new ApiError('bad_request');
    return [...new Set(ids.map((id) => this.#one.transform(String(id))))];
  }
}
