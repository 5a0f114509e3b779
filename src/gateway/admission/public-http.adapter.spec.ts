import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  All,
  Controller,
  Get,
  Module,
  Post,
  RequestMethod,
  VersioningType,
  type INestApplication,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { Test } from '@nestjs/testing';
import { PublicHttpAdapter } from './public-http.adapter.js';

@Controller('orders')
class OrdersController {
  @Get(':id/lines/:line')
  line(): void {}

  @Post()
  create(): void {}

  @All('any')
  any(): void {}
}

@Controller({ path: 'files', version: '2' })
class FilesController {
  @Get('*path')
  file(): void {}
}

@Controller('health')
class HealthController {
  @Get()
  health(): void {}
}

@Module({ controllers: [OrdersController, FilesController, HealthController] })
class TeamModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    const pass = (_: Request, _response: Response, next: NextFunction) => next();
    consumer.apply(pass).forRoutes({ path: 'webhooks/{*any}', method: RequestMethod.POST });
  }
}

async function applicationOf(prepare: (app: INestApplication) => void): Promise<INestApplication> {
  const module = await Test.createTestingModule({ imports: [TeamModule] }).compile();
  const app = module.createNestApplication(new PublicHttpAdapter(), { logger: false });
  prepare(app);
  return app.init();
}

const adapterOf = (app: INestApplication) => app.getHttpAdapter() as unknown as PublicHttpAdapter;

describe('the public HTTP adapter', () => {
  let app: INestApplication;

  beforeAll(async () => {
    app = await applicationOf((created) => {
      created.setGlobalPrefix('api', { exclude: ['health'] });
      created.enableVersioning({ type: VersioningType.URI });
    });
  });

  afterAll(async () => {
    await app.close();
  });

  it.each([
    ['GET', '/api/orders/7/lines/a'],
    ['HEAD', '/api/orders/7/lines/a'],
    ['OPTIONS', '/api/orders/7/lines/a'],
    ['GET', '/api/orders/7/lines/%zz'],
    ['POST', '/api/orders'],
    ['POST', '/API/orders/'],
    ['DELETE', '/api/orders/any'],
    ['GET', '/api/v2/files/a/b/c'],
    ['GET', '/health'],
    ['POST', '/api/webhooks/a/b'],
  ])('knows what a module handles: %s %s', (method, path) => {
    expect(adapterOf(app).handles(method, path)).toBe(true);
  });

  it.each([
    ['GET', '/'],
    ['GET', '/orders/7/lines/a'],
    ['GET', '/api/orders/7/lines'],
    ['GET', '/api/orders'],
    ['GET', '/api/files/a'],
    ['POST', '/webhooks/a'],
    ['GET', '/api/webhooks/a'],
    ['GET', '/api'],
    ['GET', '/favicon.ico'],
    ['OPTIONS', '*'],
  ])('knows what nobody handles: %s %s', (method, path) => {
    expect(adapterOf(app).handles(method, path)).toBe(false);
  });

  it.each<[string, (app: INestApplication) => void]>([
    [
      'a middleware on all paths',
      (created) => created.use((_: Request, __: Response, next: NextFunction) => next()),
    ],
    ['CORS', (created) => created.enableCors()],
  ])('takes every request for handled where there is %s', async (_, prepare) => {
    const other = await applicationOf(prepare);
    expect(adapterOf(other).handles('GET', '/nobody/knows')).toBe(true);
    await other.close();
  });

  it('takes a middleware on a path for what handles that path', async () => {
    const other = await applicationOf((created) =>
      created.use('/admin', (_: Request, __: Response, next: NextFunction) => next()),
    );
    expect(adapterOf(other).handles('GET', '/admin/users')).toBe(true);
    expect(adapterOf(other).handles('GET', '/administration')).toBe(false);
    await other.close();
  });
});
