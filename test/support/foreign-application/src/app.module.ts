import {
  Body,
  Controller,
  Global,
  HttpCode,
  Inject,
  Injectable,
  Module,
  Param,
  Post,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { ConfigModule, registerAs, type ConfigType } from '@nestjs/config';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Authenticator,
  LanfareModule,
  MessagePolicy,
  Messaging,
  ModuleMetrics,
  Presence,
  Variables,
  type Connection,
  type Rejection,
} from 'lanfare';
import { z } from 'zod';

export const shopVariables = new Variables({
  SHOP_NAME: z.string().min(3, 'must have at least 3 letters').describe('who sends'),
});

const shopConfig = registerAs('shop', () => shopVariables.parse(process.env));

/** Customers are whoever they say they are; the one with the number 1 keeps the shop. */
@Injectable()
export class CustomerAuthenticator extends Authenticator {
  authenticate({ url = '' }: { url?: string | undefined }): ReturnType<Authenticator['authenticate']> {
    const userId = /[?&]user_id=(\d+)$/.exec(url)?.[1];
    if (userId === undefined) return 'unauthorized';
    return { userId, expiresAt: null, claims: { role: userId === '1' ? 'keeper' : 'customer' } };
  }

  refresh(): Rejection {
    return 'unauthorized';
  }
}

@Injectable()
export class KeeperPolicy extends MessagePolicy {
  allows({ claims }: Connection, { to }: { to: string }): boolean {
    return claims['role'] === 'keeper' || to === '1';
  }
}

@Injectable()
export class KeeperGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToWs().getClient<Connection>().claims['role'] === 'keeper';
  }
}

@Controller('orders')
export class OrdersController {
  #shipped = 0;

  constructor(
    private readonly messaging: Messaging,
    metrics: ModuleMetrics,
    @Inject(shopConfig.KEY) private readonly config: ConfigType<typeof shopConfig>,
  ) {
    metrics.add({
      metrics: () => `# TYPE shop_orders_shipped_total counter\nshop_orders_shipped_total ${this.#shipped}\n`,
    });
  }

  @Post(':userId')
  @HttpCode(200)
  async shipped(@Param('userId') userId: string, @Body() order: object): Promise<{ delivered: number }> {
    this.#shipped++;
    const { delivered } = await this.messaging.send(userId, { shop: this.config.SHOP_NAME, order });
    return { delivered };
  }
}

@WebSocketGateway()
export class ShopGateway {
  constructor(private readonly presence: Presence) {}

  @SubscribeMessage('is the shop open')
  isOpen(): boolean {
    return this.presence.ofUser(1).online;
  }

  @SubscribeMessage('who am i')
  whoAmI(@ConnectedSocket() { userId }: Connection): string {
    return userId;
  }

  @UseGuards(KeeperGuard)
  @SubscribeMessage('close the shop')
  closeShop(@ConnectedSocket() connection: Connection): void {
    connection.close(4600, 'closed');
  }
}

/** It imports nothing of Lanfare: LanfareModule is global. */
@Module({
  imports: [ConfigModule.forFeature(shopConfig)],
  controllers: [OrdersController],
  providers: [ShopGateway],
})
export class ShopModule {}

@Global()
@Module({
  providers: [
    { provide: Authenticator, useClass: CustomerAuthenticator },
    { provide: MessagePolicy, useClass: KeeperPolicy },
  ],
  exports: [Authenticator, MessagePolicy],
})
export class RulesModule {}

@Module({ imports: [LanfareModule, ShopModule, RulesModule] })
export class AppModule {}
