/** The same package in a CommonJS application: what is compiled of this file calls `require`. */
import { Injectable, Module } from '@nestjs/common';
import { LanfareModule, Messaging, startNode } from 'lanfare';

@Injectable()
class Greeter {
  constructor(private readonly messaging: Messaging) {}

  greet(): string | null {
    return this.messaging.sendAndForget('1', 'welcome');
  }
}

@Module({ imports: [LanfareModule], providers: [Greeter] })
class AppModule {}

void startNode(AppModule).then((app) => {
  process.stdout.write(`It was required, and ${app.get(Greeter).greet() ?? 'nothing'} is wrong\n`);
});
