/** Preloaded (`node --import`): adds a team's module whose shutdown hooks never end to the application. */
import 'reflect-metadata';
import { pathToFileURL } from 'node:url';

const { AppModule } = await import(pathToFileURL('dist/app.module.js').href);

const never = () => new Promise(() => undefined);
const hooks = (process.env.HANGING_HOOKS ?? '').split(',');

class HangingService {}
for (const hook of hooks) HangingService.prototype[hook] = never;
class HangingModule {}
Reflect.defineMetadata('providers', [HangingService], HangingModule);

const imports = Reflect.getMetadata('imports', AppModule);
Reflect.defineMetadata('imports', [...imports, HangingModule], AppModule);
