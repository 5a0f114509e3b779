import { Inject, Injectable } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { HttpAdapterHost } from '@nestjs/core';
import type { Server } from 'node:http';
import { Door } from '../gateway/admission/door.js';
import { gatewayConfig } from '../gateway/gateway.config.js';

/** The public door, as the operators' door sees it. It has no life-cycle hooks; see RunningNode. */
@Injectable()
export class PublicDoor {
  constructor(
    private readonly door: Door,
    private readonly http: HttpAdapterHost,
    @Inject(gatewayConfig.KEY) private readonly config: ConfigType<typeof gatewayConfig>,
  ) {}

  /** WS_PATH. */
  get path(): string {
    return this.config.WS_PATH;
  }

  /** Whether the public port is open. It opens last at a start. */
  get isListening(): boolean {
    return (this.http.httpAdapter.getHttpServer() as Server).listening;
  }

  /** The node shuts down, and takes no new clients. */
  get isDraining(): boolean {
    return this.door.isDraining;
  }
}
