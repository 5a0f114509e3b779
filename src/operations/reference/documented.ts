/**
 * What the document of the HTTP API says of controllers and their handlers. @nestjs/swagger takes 17 MB and much of a
 * start, and most nodes are never asked for the document. So its decorators are kept here until somebody asks.
 */
import type * as Swagger from '@nestjs/swagger';

type Decorator = ClassDecorator & MethodDecorator;
type Describe = (swagger: typeof Swagger) => readonly (ClassDecorator | MethodDecorator)[];

const waiting: ((swagger: typeof Swagger) => void)[] = [];

/** Decorates with what `describe` returns, once the document is asked for. */
export function Documented(describe: Describe): Decorator {
  return (...where: unknown[]): void => {
    waiting.push((swagger) => {
      // as if they were written one below the other
      for (const decorate of describe(swagger).toReversed() as unknown as ((...at: unknown[]) => void)[]) {
        decorate(...where);
      }
    });
  };
}

/** Describes everything that has not been described yet. */
export function describeDocumented(swagger: typeof Swagger): void {
  for (const describe of waiting.splice(0)) describe(swagger);
}
