import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import type { ConfigType } from '@nestjs/config';
import { customContradicted } from '../config/own-port.js';
import { ClaimsRoomPolicy } from './claims-room-policy.js';
import { OpenRoomPolicy } from './open-room-policy.js';
import { RoomPolicy } from './room-policy.js';
import { roomsConfig } from './rooms.config.js';

/**
 * Chooses the policy: the application's own, or the one that ROOM_ACCESS names. (Nest resolves an import before a
 * global module, so the default must not have the port's token.)
 */
@Injectable()
export class RoomAccess {
  readonly policy: RoomPolicy;

  constructor(@Inject(roomsConfig.KEY) config: ConfigType<typeof roomsConfig>, @Optional() own?: RoomPolicy) {
    const isCustom = config.ROOM_ACCESS === 'custom';
    if (isCustom !== (own !== undefined)) throw customContradicted('ROOM_ACCESS', 'RoomPolicy', own);
    this.policy = own ?? (config.ROOM_ACCESS === 'open' ? new OpenRoomPolicy() : new ClaimsRoomPolicy());
    if (own !== undefined)
      new Logger(RoomAccess.name).log(`Who may join rooms is said by ${own.constructor.name}`);
  }

  /** The clients' tokens say who may join. */
  get isByClaims(): boolean {
    return this.policy instanceof ClaimsRoomPolicy;
  }

  /** Entries of tokens' claims `rooms` that are no pattern, since the start. */
  get malformedClaims(): number {
    return this.policy instanceof ClaimsRoomPolicy ? this.policy.malformed : 0;
  }
}
