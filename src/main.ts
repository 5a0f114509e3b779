import { AppModule } from './app.module.js';
import { startNode } from './start-node.js';

await startNode(AppModule);
