/** Where a page's results are: one part for each scenario, from this heading to the end of the page. */
export const HEADING = '## Last results\n\n`npm run bench -- --page`, which writes this section:\n';

/**
 * Puts results into a page. Parts of scenarios that were not measured now are kept as they are: each says on which day and
 * machine it was measured.
 *
 * @param {string} page
 * @param {string} stamp the day and the machine
 * @param {Map<string, { title: string, text: string }>} measured by scenario
 * @param {readonly string[]} order of all scenarios
 */
export function withResults(page, stamp, measured, order) {
  const [before, results] = page.split(HEADING);
  if (results === undefined) throw new Error(`the page has no section that begins with ${HEADING}`);
  const [, ...parts] = `\n${results}`.split('\n### ');
  const byName = new Map(parts.map((part) => [part.slice(0, part.indexOf(':')), part.trim()]));
  for (const [name, { title, text }] of measured)
    byName.set(name, `${name}: ${title}\n\n${stamp}\n\n${text.trim()}`);
  const written = order.filter((name) => byName.has(name)).map((name) => `### ${byName.get(name)}\n`);
  return `${before}${HEADING}\n${written.join('\n')}`;
}
