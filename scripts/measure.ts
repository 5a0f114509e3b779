/** npm run measure -- sealing | core | directory | cluster | idle | joins | rooms | small-rooms | bystanders | presence | workers | broker */
const SUBJECTS = [
  'sealing',
  'core',
  'directory',
  'cluster',
  'idle',
  'joins',
  'rooms',
  'small-rooms',
  'bystanders',
  'presence',
  'workers',
  'broker',
];

const [subject = ''] = process.argv.slice(2);
if (!SUBJECTS.includes(subject)) {
  process.stderr.write(`usage: npm run measure -- <${SUBJECTS.join(' | ')}>\n`);
  process.exit(2);
}
await import(`./measure-${subject}.js`);
