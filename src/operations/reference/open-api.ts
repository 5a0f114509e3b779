import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type * as Swagger from '@nestjs/swagger';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { version } from '../../config/version.js';
import { API_ERRORS } from '../api/api-error.js';
import { describeDocumented } from './documented.js';

const PAGES = /^\/docs(?:-json|\/(?!asyncapi\.json)|\/?(?:\?|$))/;

/**
 * Serves the documentation of the HTTP API: a page at /docs, and JSON for programs at /docs-json. Both are made when they
 * are asked for the first time.
 */
export function serveOpenApi(app: NestExpressApplication): void {
  let pages: Promise<RequestHandler> | undefined;
  app.use((request: Request, response: Response, next: NextFunction) => {
    if (!PAGES.test(request.url)) {
      next();
      return;
    }
    pages ??= makePages(app);
    pages.then((handle) => void handle(request, response, next), next);
  });
}

/** Routes can't be added to an application that serves. So the pages have one of their own, without a port. */
@Module({})
class PagesModule {}

async function makePages(app: NestExpressApplication): Promise<RequestHandler> {
  const swagger = await import('@nestjs/swagger');
  describeDocumented(swagger);
  const pages = await NestFactory.create<NestExpressApplication>(PagesModule, { logger: false });
  pages.disable('x-powered-by');
  pages.disable('etag');
  const document = swagger.SwaggerModule.createDocument(app, configOf(swagger));
  swagger.SwaggerModule.setup('docs', pages, document, {
    // the page must not send the address of the door to a foreign validator
    swaggerOptions: { validatorUrl: null },
    raw: ['json'],
  });
  await pages.init();
  return pages.getHttpAdapter().getInstance();
}

function configOf({ DocumentBuilder }: typeof Swagger): ReturnType<Swagger.DocumentBuilder['build']> {
  const errors = Object.entries(API_ERRORS)
    .map(
      ([code, { status, message, retryable }]) => `| ${status} | \`${code}\` | ${retryable} | ${message} |`,
    )
    .join('\n');
  return new DocumentBuilder()
    .setTitle('Lanfare HTTP API')
    .setVersion(version())
    .setDescription(
      `For backends and operators. Clients speak WebSocket: see [/docs/asyncapi.json](/docs/asyncapi.json).\n\n` +
        `Errors have a body \`{"code","message","retryable"}\`:\n\n| status | code | retryable | |\n|---|---|---|---|\n${errors}`,
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'One of API_KEYS' })
    .build();
}
