import { Module } from '@nestjs/common';
import { LanfareModule } from './lanfare.module.js';
import { PlaygroundModule } from './playground/playground.module.js';

/** The ready application: a node, and a page to try it with. */
@Module({
  imports: [
    LanfareModule,
    // not in LanfareModule: the page at / is a team's own in its application
    PlaygroundModule,
  ],
})
export class AppModule {}
