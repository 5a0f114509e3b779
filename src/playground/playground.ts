import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { HttpAdapterHost } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { authenticationConfig } from '../authentication/authentication.config.js';
import { gatewayConfig } from '../gateway/gateway.config.js';
import { playgroundPage } from './playground.page.js';

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src ws: wss:",
  'Cache-Control': 'no-store',
};

/**
 * The page at `/` on which a person can try the server. Its route exists only in insecure mode, where anyone can be
 * anyone. It comes after the routes of all controllers: a module's own page at `/` takes its place.
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
    const page = playgroundPage(this.gateway.WS_PATH);
    const headers = { ...HEADERS, 'Content-Length': Buffer.byteLength(page) };
    this.host.httpAdapter.get('/', (_request: unknown, response: ServerResponse) => {
      response.writeHead(200, headers).end(page);
    });
  }
}
