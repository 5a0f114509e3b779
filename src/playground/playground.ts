import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { HttpAdapterHost } from '@nestjs/core';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { authenticationConfig } from '../authentication/authentication.config.js';
import { gatewayConfig } from '../gateway/gateway.config.js';

/**
 * By their path: the files of the page, beside this one. `npm run build` puts the client there before it copies all of
 * them, so that src/ and dist/ are whole.
 */
const FILES = {
  '/': ['page/index.html', 'text/html'],
  '/playground/playground.css': ['page/playground.css', 'text/css'],
  '/playground/playground.js': ['page/playground.js', 'text/javascript'],
  '/playground/lanfare-client.js': ['page/lanfare-client.js', 'text/javascript'],
} as const;

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src ws: wss:",
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};

/**
 * The page at `/` on which a person can try the server. Its routes exist only in insecure mode, where anyone can be
 * anyone. They come after the routes of all controllers: a module's own page at `/` takes its place.
 */
@Injectable()
export class Playground implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    @Inject(authenticationConfig.KEY)
    private readonly authentication: ConfigType<typeof authenticationConfig>,
    @Inject(gatewayConfig.KEY) private readonly gateway: ConfigType<typeof gatewayConfig>,
  ) {}

  onModuleInit(): void {
    if (this.authentication.AUTH_MODE !== 'insecure') return;
    for (const [path, [file, type]] of Object.entries(FILES)) {
      const body = Buffer.from(read(file).replace('{WS_PATH}', this.gateway.WS_PATH));
      const headers = {
        ...HEADERS,
        'Content-Type': `${type}; charset=utf-8`,
        'Content-Length': body.length,
      };
      this.host.httpAdapter.get(path, (_request: unknown, response: ServerResponse) => {
        response.writeHead(200, headers).end(body);
      });
    }
  }
}

function read(file: string): string {
  try {
    return readFileSync(new URL(file, import.meta.url), 'utf8');
  } catch (cause) {
    throw new Error('The playground lacks a file: `npm run build` makes all of them', { cause });
  }
}
