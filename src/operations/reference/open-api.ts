import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '../../config/version.js';
import { API_ERRORS } from '../api/api-error.js';

/** Serves what the HTTP API takes and gives: a page at /docs, for programs at /docs-json. */
export function serveOpenApi(app: NestExpressApplication): void {
  const errors = Object.entries(API_ERRORS)
    .map(
      ([code, { status, message, retryable }]) => `| ${status} | \`${code}\` | ${retryable} | ${message} |`,
    )
    .join('\n');
  const config = new DocumentBuilder()
    .setTitle('Lanfare HTTP API')
    .setVersion(VERSION)
    .setDescription(
      `For backends and operators. Clients speak WebSocket: see [/docs/asyncapi.json](/docs/asyncapi.json).\n\n` +
        `Errors have a body \`{"code","message","retryable"}\`:\n\n| status | code | retryable | |\n|---|---|---|---|\n${errors}`,
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'One of API_KEYS' })
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config), {
    // the page must not tell a foreign validator where the door is
    swaggerOptions: { validatorUrl: null },
    raw: ['json'],
  });
}
