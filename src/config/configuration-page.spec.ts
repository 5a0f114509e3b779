import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { features, featuresByTitle } from '../lanfare.environment.js';
import { configurationPage } from './configuration-page.js';
import { effectiveConfiguration, variableTable } from './variable-table.js';

describe('docs/configuration.md', () => {
  it('is made from the schemas (if not: npm run docs:configuration)', () => {
    const sections = Object.entries(featuresByTitle).map(
      ([title, feature]) => [title, variableTable([feature])] as const,
    );
    expect(readFileSync('docs/configuration.md', 'utf8')).toBe(configurationPage(sections));
  });

  it('describes every variable', () => {
    expect(variableTable(features).filter(({ description }) => description === '')).toEqual([]);
  });
});

describe('the effective configuration', () => {
  it('shows no secret', () => {
    const shown = effectiveConfiguration(features, {
      CLUSTER_SECRET: 'first-secret-first-secret-first-secret,second-secret-second-secret-sec',
      AUTH_JWT_SECRET: 'token-secret-token-secret-token-secret',
      API_KEYS: 'key-of-the-backend',
      PORT: '1234',
    });
    for (const secret of ['first-secret', 'second-secret', 'token-secret', 'key-of']) {
      expect(shown).not.toContain(secret);
    }
    expect(shown).toMatch(/^PORT +1234$/m);
    expect(shown).toMatch(/^CLUSTER_SECRET +\*\*\* \(38 characters, 31 characters\)$/m);
    expect(shown).toMatch(/^HOST +0\.0\.0\.0 {2}\(default\)$/m);
  });
});
