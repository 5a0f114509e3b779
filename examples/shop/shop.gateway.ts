import { Inject, StandardSchemaValidationPipe, UseFilters, UseGuards, UsePipes } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Connection } from 'lanfare';
import { cart, cartLine, type CartLine } from './cart.js';
import { CustomersOnly } from './customers-only.guard.js';
import { OrderRefusedError, OrderRefusedFilter } from './order-refused.filter.js';
import { Orders } from './orders.js';
import { shopConfig } from './shop.config.js';

/** Events of customers, on the connections that they have anyway: a gateway without a path shares the core's. */
@WebSocketGateway()
@UseGuards(CustomersOnly)
@UseFilters(OrderRefusedFilter)
export class ShopGateway {
  constructor(
    private readonly orders: Orders,
    @Inject(shopConfig.KEY) private readonly config: ConfigType<typeof shopConfig>,
  ) {}

  /** Answered with the cart: `{"event":"cart add","id":1,"data":[{"item":"lamp","pieces":2}]}`. */
  @SubscribeMessage('cart add')
  @UsePipes(new StandardSchemaValidationPipe())
  add(
    @ConnectedSocket() connection: Connection,
    @MessageBody({ schema: cartLine }) line: CartLine,
  ): readonly CartLine[] {
    const lines = [...(connection.get(cart) ?? []), line];
    if (lines.length > this.config.SHOP_CART_LINES_MAX) {
      throw new OrderRefusedError('cart_full', `A cart has at most ${this.config.SHOP_CART_LINES_MAX} lines`);
    }
    connection.set(cart, lines);
    return lines;
  }

  /** Answered with an `ack`, as nothing is returned: `{"event":"ack","id":2}`. */
  @SubscribeMessage('order')
  async order(@ConnectedSocket() connection: Connection): Promise<void> {
    const lines = connection.get(cart) ?? [];
    if (lines.length === 0) throw new OrderRefusedError('cart_empty', 'There is nothing in the cart');
    await this.orders.place(connection.userId, lines);
    connection.set(cart, []);
  }
}
