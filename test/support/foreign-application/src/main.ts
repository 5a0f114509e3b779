import { startNode } from 'lanfare';
import { AppModule, shopVariables } from './app.module.js';

await startNode(AppModule, { variables: [shopVariables] });
