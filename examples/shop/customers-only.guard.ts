import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Connection } from 'lanfare';

/** Lets clients pass whose token has the claim `role: "customer"`. Others get the error `forbidden`. */
@Injectable()
export class CustomersOnly implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { claims } = context.switchToWs().getClient<Connection>();
    return claims['role'] === 'customer';
  }
}
