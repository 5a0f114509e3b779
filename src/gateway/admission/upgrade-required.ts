import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import type { NextFunction, Request, Response } from 'express';
import { UPGRADE_REFUSALS } from '../../wire/codes.js';
import { gatewayConfig } from '../gateway.config.js';
import { GatewayStatistics } from '../gateway-statistics.js';
import { refusalBody } from './upgrade-refusal.js';

/** Tells those who come to WS_PATH with plain HTTP what is spoken there, and counts them. */
@Injectable()
export class UpgradeRequired implements NestMiddleware<Request, Response> {
  constructor(
    private readonly statistics: GatewayStatistics,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  use(request: Request, response: Response, next: NextFunction): void {
    if (request.originalUrl.split('?', 1)[0] !== this.config.WS_PATH) {
      next();
      return;
    }
    this.statistics.handshakes.upgrade_required++;
    response
      .status(UPGRADE_REFUSALS.upgrade_required.status)
      .set({ Connection: 'close', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' })
      .type('json')
      .send(refusalBody('upgrade_required'));
  }
}
