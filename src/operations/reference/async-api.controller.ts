import { Controller, Get } from '@nestjs/common';
import { RunningNode } from '../running-node.js';
import { asyncApiDocument } from './async-api.js';
import { Documented } from './documented.js';

@Documented(({ ApiExcludeController }) => [ApiExcludeController()])
@Controller('docs')
export class AsyncApiController {
  constructor(private readonly node: RunningNode) {}

  /** The client protocol, for programs. */
  @Get('asyncapi.json')
  document(): object {
    return asyncApiDocument(this.node.door.path);
  }
}
