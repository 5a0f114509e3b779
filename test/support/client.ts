export { TestClient, V1 } from '../../src/testing/test-client.js';
