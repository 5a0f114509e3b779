/** Preloaded (`node --import`): adds a team's module whose shutdown hooks never end, or fail, to the application. */
import 'reflect-metadata';
import { pathToFileURL } from 'node:url';

const { AppModule } = await import(pathToFileURL('dist/app.module.js').href);

const never = () => new Promise(() => undefined);
const fail = () => {
  throw new Error('a hook');
};
const namesIn = (variable) => (process.env[variable] ?? '').split(',');

class HangingService {}
for (const hook of namesIn('HANGING_HOOKS')) HangingService.prototype[hook] = never;
class FailingService {}
for (const hook of namesIn('FAILING_HOOKS')) FailingService.prototype[hook] = fail;
class HangingModule {}
Reflect.defineMetadata('providers', [HangingService, FailingService], HangingModule);

const imports = Reflect.getMetadata('imports', AppModule);
Reflect.defineMetadata('imports', [...imports, HangingModule], AppModule);
