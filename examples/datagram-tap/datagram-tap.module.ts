import { Module } from '@nestjs/common';
import { DatagramTap } from './datagram-tap.js';

/** Goes into the imports of the root module, beside LanfareModule. */
@Module({ providers: [DatagramTap], exports: [DatagramTap] })
export class DatagramTapModule {}
