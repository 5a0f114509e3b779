import { Module } from '@nestjs/common';
import { LanfareModule } from './lanfare.module.js';
import { PlaygroundModule } from './playground/playground.module.js';

/** The ready application: a node, and a page to try it with. */
@Module({
  imports: [
    LanfareModule,
    // not in LanfareModule: in a team's application the page at / is the team's own
    PlaygroundModule,
  ],
})
export class AppModule {}
