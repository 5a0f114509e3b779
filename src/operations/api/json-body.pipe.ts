import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { isUtf8 } from 'node:buffer';
import { membersOf, type Members } from '../../wire/json-members.js';
import { ApiError } from './api-error.js';

/** A request's body: as a validated value, and as the bytes that its sender wrote. */
export class JsonBody<T extends object> {
  readonly #members: Members<string>;

  /** @param value what the schema made of the bytes; a schema of objects that allows no other members */
  constructor(
    bytes: Buffer,
    readonly value: T,
  ) {
    const members = membersOf(bytes, Object.keys(value));
    if (typeof members === 'string') throw new Error(`the body is ${members}, and JSON.parse took it`);
    this.#members = members;
  }

  /** A member's JSON text, verbatim: a number too long for JavaScript arrives as it was written. */
  text(member: keyof T & string): Buffer {
    const text = this.#members.get(member);
    if (text === undefined) throw new Error(`the schema lets a body without ${member} pass`);
    return text;
  }
}

/**
 * Validates bodies with the schema of the parameter, `@Body({ schema })`. The documentation is made from the same
 * schema.
 */
@Injectable()
export class JsonBodyPipe implements PipeTransform<unknown, Promise<unknown>> {
  async transform(bytes: unknown, { type, schema }: ArgumentMetadata): Promise<unknown> {
    if (type !== 'body' || schema === undefined) return bytes;
    // the parser gives a buffer for application/json only
    if (!Buffer.isBuffer(bytes)) throw new ApiError('unsupported_media_type');
    const result = await schema['~standard'].validate(parse(bytes));
    if (result.issues === undefined) return new JsonBody(bytes, result.value as object);
    throw new ApiError(
      'bad_body',
      result.issues.slice(0, PROBLEMS_MAX).map(({ path, message }) => ({
        path: (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)).join('.'),
        message,
      })),
    );
  }
}

/** An error does not list a thousand bad ids one by one. */
const PROBLEMS_MAX = 10;

function parse(bytes: Buffer): unknown {
  // clients close their connection when they get text that is not UTF-8
  if (!isUtf8(bytes)) throw new ApiError('bad_json');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new ApiError('bad_json');
  }
}
