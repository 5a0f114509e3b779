import { Controller, Get, Header, StreamableFile } from '@nestjs/common';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const fileOf = (name: string) => fileURLToPath(new URL(`page/${name}`, import.meta.url));
/** The client as one file, for pages without a bundler. */
const CLIENT = createRequire(import.meta.url).resolve('lanfare-client/browser.js');

/** The page of the chat. */
@Controller()
export class PageController {
  @Get()
  @Header('Content-Security-Policy', "default-src 'self'; img-src data:; connect-src ws: wss:")
  page(): StreamableFile {
    return stream(fileOf('index.html'), 'text/html');
  }

  @Get('chat.css')
  style(): StreamableFile {
    return stream(fileOf('chat.css'), 'text/css');
  }

  @Get('chat.js')
  program(): StreamableFile {
    return stream(fileOf('chat.js'), 'text/javascript');
  }

  @Get('lanfare-client.js')
  client(): StreamableFile {
    return stream(CLIENT, 'text/javascript');
  }
}

function stream(file: string, type: string): StreamableFile {
  return new StreamableFile(createReadStream(file), { type: `${type}; charset=utf-8` });
}
