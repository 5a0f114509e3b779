import { Body, Controller, HttpCode, Inject, Module, Param, Post } from '@nestjs/common';
import { ConfigModule, registerAs, type ConfigType } from '@nestjs/config';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { LanfareModule, Messaging, Variables, type Connection } from 'lanfare';
import { z } from 'zod';

export const shopVariables = new Variables({
  SHOP_NAME: z.string().min(3, 'must have at least 3 letters').describe('who sends'),
});

const shopConfig = registerAs('shop', () => shopVariables.parse(process.env));

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly messaging: Messaging,
    @Inject(shopConfig.KEY) private readonly config: ConfigType<typeof shopConfig>,
  ) {}

  @Post(':userId')
  @HttpCode(200)
  async shipped(@Param('userId') userId: string, @Body() order: object): Promise<{ delivered: number }> {
    const { delivered } = await this.messaging.send(userId, { shop: this.config.SHOP_NAME, order });
    return { delivered };
  }
}

@WebSocketGateway()
export class ShopGateway {
  @SubscribeMessage('who am i')
  whoAmI(@ConnectedSocket() { userId }: Connection): string {
    return userId;
  }
}

/** It imports nothing of Lanfare: LanfareModule is global. */
@Module({
  imports: [ConfigModule.forFeature(shopConfig)],
  controllers: [OrdersController],
  providers: [ShopGateway],
})
export class ShopModule {}

@Module({ imports: [LanfareModule, ShopModule] })
export class AppModule {}
