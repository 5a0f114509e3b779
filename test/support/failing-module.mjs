/** Preloaded (`node --import`): adds a team's module that fails, as the name of the user says who connects. */
import 'reflect-metadata';
import { Controller, Get, Param } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { pathToFileURL } from 'node:url';

const load = async (path) => import(pathToFileURL(`dist/${path}.js`).href);
const { AppModule } = await load('app.module');
const { Messaging } = await load('messaging/messaging');
const { MessagingModule } = await load('messaging/messaging.module');
const { ConnectionRegistry } = await load('connections/connection-registry');

class FailingService {
  constructor(messaging, connections) {
    connections.changes$.subscribe(async ({ change, connection: { userId } }) => {
      if (change === 'removed') return;
      if (userId === 'rejects') throw new Error('an async subscriber');
      if (userId === 'floats') void messaging.send('x'.repeat(1000), 'bad id');
      if (userId === 'odd') void Promise.reject(Object.create(null));
      if (userId === 'throws') setTimeout(() => this.throwLater());
      if (userId === 'throws on') setInterval(() => this.throwLater());
    });
    connections.changes$.subscribe(({ connection: { userId } }) => {
      if (userId === 'rejects') throw new Error('a subscriber');
    });
  }

  throwLater() {
    throw new Error('out of a timer');
  }
}
Reflect.defineMetadata('design:paramtypes', [Messaging, ConnectionRegistry], FailingService);

class FailingGateway {
  async afterInit() {
    if (process.env.FAILING_INIT !== undefined) throw new Error(process.env.FAILING_INIT);
  }
}
WebSocketGateway()(FailingGateway);

class FailingController {
  get(id) {
    throw new Error(`no order ${id}\n[node] LOG forged`);
  }
}
Controller('orders')(FailingController);
Get(':id')(
  FailingController.prototype,
  'get',
  Object.getOwnPropertyDescriptor(FailingController.prototype, 'get'),
);
Param('id')(FailingController.prototype, 'get', 0);

class FailingModule {}
Reflect.defineMetadata('controllers', [FailingController], FailingModule);
Reflect.defineMetadata('imports', [MessagingModule], FailingModule);
Reflect.defineMetadata('providers', [FailingService, FailingGateway], FailingModule);

const imports = Reflect.getMetadata('imports', AppModule);
Reflect.defineMetadata('imports', [...imports, FailingModule], AppModule);
