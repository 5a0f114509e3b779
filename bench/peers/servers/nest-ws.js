// Nest with its stock WsAdapter and a gateway as its documentation shows, one node. Decorators are
// applied as the functions they are: plain JavaScript has no syntax for them yet, and this needs no build.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

class ChatGateway {
  socketsByUser = new Map();
  userBySocket = new WeakMap();

  handleConnection(client, request) {
    const user = new URL(request.url, 'http://localhost').searchParams.get('user_id');
    if (!user) return client.close();
    let sockets = this.socketsByUser.get(user);
    if (!sockets) this.socketsByUser.set(user, (sockets = new Set()));
    sockets.add(client);
    this.userBySocket.set(client, user);
    client.on('error', () => {});
  }

  handleDisconnect(client) {
    const user = this.userBySocket.get(client);
    const sockets = this.socketsByUser.get(user);
    sockets?.delete(client);
    if (sockets?.size === 0) this.socketsByUser.delete(user);
  }

  send(_client, { user_id, data }) {
    const text = JSON.stringify({ event: 'message', data });
    for (const peer of this.socketsByUser.get(String(user_id)) ?? []) peer.send(text);
  }
}
SubscribeMessage('send')(
  ChatGateway.prototype,
  'send',
  Object.getOwnPropertyDescriptor(ChatGateway.prototype, 'send'),
);
WebSocketGateway({ path: '/chat' })(ChatGateway);

class AppModule {}
Module({ providers: [ChatGateway] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.useWebSocketAdapter(new WsAdapter(app));
process.on('SIGTERM', () => process.exit(0));
await app.listen(Number(process.env.PORT), process.env.HOST);
