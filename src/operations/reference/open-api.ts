import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { version } from '../../config/version.js';
import { API_ERRORS } from '../api/api-error.js';

/** Serves the documentation of the HTTP API: a page at /docs, and JSON for programs at /docs-json. */
export function serveOpenApi(app: NestExpressApplication): void {
  const errors = Object.entries(API_ERRORS)
    .map(
      ([code, { status, message, retryable }]) => `| ${status} | \`${code}\` | ${retryable} | ${message} |`,
    )
    .join('\n');
  const config = new DocumentBuilder()
    .setTitle('Lanfare HTTP API')
    .setVersion(version())
    .setDescription(
      `For backends and operators. Clients speak WebSocket: see [/docs/asyncapi.json](/docs/asyncapi.json).\n\n` +
        `Errors have a body \`{"code","message","retryable"}\`:\n\n| status | code | retryable | |\n|---|---|---|---|\n${errors}`,
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'One of API_KEYS' })
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config), {
    // the page must not send the address of the door to a foreign validator
    swaggerOptions: { validatorUrl: null },
    raw: ['json'],
  });
}
