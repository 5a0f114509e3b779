import { Controller, Get, Header, Inject, NotFoundException } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { authenticationConfig } from '../authentication/authentication.config.js';
import { gatewayConfig } from '../gateway/gateway.config.js';
import { playgroundPage } from './playground.page.js';

/** The page at `/` on which a person can try the server. Only where anyone may be anyone anyway. */
@Controller()
export class PlaygroundController {
  constructor(
    @Inject(authenticationConfig.KEY)
    private readonly authentication: ConfigType<typeof authenticationConfig>,
    @Inject(gatewayConfig.KEY) private readonly gateway: ConfigType<typeof gatewayConfig>,
  ) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header(
    'Content-Security-Policy',
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src ws: wss:",
  )
  @Header('Cache-Control', 'no-store')
  page(): string {
    if (this.authentication.AUTH_MODE !== 'insecure') throw new NotFoundException();
    return playgroundPage(this.gateway.WS_PATH);
  }
}
