/** Median, least and greatest of a list, without its nulls. */
export function summary(values) {
  const sorted = values.filter((value) => typeof value === 'number').sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

const number = (digits) => (value) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const thousands = (value) =>
  value >= 10_000 ? `${number(0)(value / 1000)} k` : `${number(1)(value / 1000)} k`;
const percent = (value) => `${number(0)(value * 100)}%`;
const milliseconds = (value) => number(value < 10 ? 2 : 0)(value);
const whole = number(0);

/** [heading, measure, format, with range] */
const columns = {
  pairs: [
    ['msg/s', 'rate', thousands, true],
    ['CPU us/msg', 'cpuPerMessage', number(1), true],
    ['p50 ms', 'p50', milliseconds],
    ['p99 ms', 'p99', milliseconds, true],
    ['p99.9 ms', 'p999', milliseconds],
    ['lost', 'lost', whole, 'sum'],
    ['out of order', 'outOfOrder', whole, 'sum'],
    ['twice', 'duplicates', whole, 'sum'],
    ['RSS MiB', 'memoryMiB', whole],
    ['hottest thread', 'busiestThread', percent],
    ['generator', 'generatorBusy', percent],
  ],
  room: [
    ['deliveries/s', 'rate', thousands, true],
    ['publishes/s', 'publishes', whole],
    ['CPU us/delivery', 'cpuPerMessage', number(2), true],
    ['first p50 ms', 'firstP50', milliseconds],
    ['first p99', 'firstP99', milliseconds],
    ['last p50 ms', 'p50', milliseconds],
    ['last p99', 'p99', milliseconds, true],
    ['not delivered', 'lost', whole, 'sum'],
    ['out of order', 'outOfOrder', whole, 'sum'],
    ['twice', 'duplicates', whole, 'sum'],
    ['RSS MiB', 'memoryMiB', whole],
    ['hottest thread', 'busiestThread', percent],
    ['generator', 'generatorBusy', percent],
  ],
  overload: [
    ['best msg/s', 'bestRate', thousands],
    ['offered', 'offeredRate', thousands],
    ['delivered/s', 'rate', thousands, true],
    ['kept', 'throughputKept', percent, true],
    ['held back', 'heldBack', percent],
    ['p99 ms', 'p99', milliseconds],
    ['lost', 'lost', whole, 'sum'],
    ['out of order', 'outOfOrder', whole, 'sum'],
    ['refused', 'refused', whole, 'sum'],
    ['cut off', 'connectionsLost', whole, 'sum'],
    ['drain ms', 'drainMs', whole],
    ['RSS MiB before', 'memoryBeforeMiB', whole],
    ['peak', 'memoryMiB', whole],
    ['after', 'memoryAfterMiB', whole],
    ['rate after', 'recovered', percent, true],
    ['p99 before', 'normalP99', milliseconds],
    ['p99 after', 'recoveredP99', milliseconds],
    ['generator', 'generatorBusy', percent],
  ],
  idle: [
    ['RSS bytes/connection', 'bytesPerConnection', whole, true],
    ['RSS MiB', 'memoryMiB', whole],
    ['empty MiB', 'emptyMiB', whole],
    ['joined/s', 'joinedPerSecond', whole],
    ['lost', 'connectionsLost', whole, 'sum'],
  ],
  accept: [
    ['connections/s', 'rate', whole, true],
    ['CPU us/connection', 'cpuPerConnection', whole, true],
    ['lost', 'connectionsLost', whole, 'sum'],
    ['generator', 'generatorBusy', percent],
  ],
};

function cell(rounds, [, measure, format, range]) {
  const values = rounds.map((round) => round[measure]);
  const found = summary(values);
  if (!found) return '-';
  if (range === 'sum') return format(values.reduce((total, value) => total + (value ?? 0), 0));
  const text = format(found.median);
  return range && rounds.length > 1 ? `${text} (${format(found.min)}-${format(found.max)})` : text;
}

/** One scenario's table, in Markdown. */
export function table(kind, rows) {
  const head = ['', ...columns[kind].map(([heading]) => heading)];
  const body = rows.map(({ title, rounds }) =>
    rounds.length > 0
      ? [title, ...columns[kind].map((column) => cell(rounds, column))]
      : [title, 'failed', ...columns[kind].slice(1).map(() => '')],
  );
  const widths = head.map((_, index) => Math.max(...[head, ...body].map((row) => row[index].length), 3));
  const line = (row) => `| ${row.map((text, index) => text.padEnd(widths[index])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** The ratio of the first peer's figure to another's: each round gives one. The result is their median, least and greatest. */
export function ratio(measure, ours, theirs) {
  const ratios = [];
  for (const mine of ours) {
    const other = theirs.find((round) => round.round === mine.round);
    if (other && mine[measure] && other[measure]) ratios.push(mine[measure] / other[measure]);
  }
  return summary(ratios);
}

const names = {
  rate: 'rate',
  cpuPerMessage: 'CPU per message',
  p99: 'p99',
  bytesPerConnection: 'bytes per connection',
  throughputKept: 'throughput kept',
};

/**
 * Lines that compare Lanfare's goals with what was measured. Some goals are ratios: `roundsOf` finds the other figure, if
 * it was measured.
 */
export function goalLines(goals, ours, roundsOf) {
  const lines = [];
  for (const [measure, against, direction, figure] of goals) {
    const found =
      against === null
        ? summary(ours.map((round) => round[measure]))
        : ratio(measure, ours, roundsOf(against) ?? []);
    if (!found) continue;
    const reached = direction === 'min' ? found.median >= figure : found.median <= figure;
    const range = found.min === found.max ? '' : ` (${found.min.toFixed(2)}-${found.max.toFixed(2)})`;
    const what = against === null ? names[measure] : `${names[measure]} over ${against}`;
    lines.push(
      `${reached ? 'reached' : 'MISSED '} ${what}: ${found.median.toFixed(2)}${range}, ` +
        `goal ${direction === 'min' ? 'at least' : 'at most'} ${figure}`,
    );
  }
  return lines;
}

/** If other programs use more CPUs than this, a round does not tell much about a server. */
export const DISTURBED = 0.2;

export function disturbance(rows) {
  const most = Math.max(0, ...rows.flatMap(({ rounds }) => rounds.map((round) => round.othersBusy ?? 0)));
  return most > DISTURBED ? [`Other programs took up to ${number(1)(most)} CPUs meanwhile.`] : [];
}

/** The line of a program's last output that most likely says why it failed. The JSON file has all lines. */
function gist(failure) {
  const lines = failure.split('\n');
  return (lines.find((line) => /error/i.test(line)) ?? lines[0]).slice(0, 300);
}

/** Why a row may be wrong. */
export function remarks({ title, rounds, failures }) {
  const found = failures.map((failure) => `${title} failed: ${gist(failure)}`);
  const most = (measure) => Math.max(0, ...rounds.map((round) => round[measure] ?? 0));
  if (most('generatorBusy') > 0.85 && most('busiestThread') < 0.85) {
    found.push(
      `${title}: the generator was ${percent(most('generatorBusy'))} busy; the server could do more.`,
    );
  }
  for (const [measure, what] of [
    ['corrupt', 'messages arrived damaged'],
    ['refused', 'error answers'],
    ['connectionsLost', 'connections lost'],
  ]) {
    const sum = rounds.reduce((total, round) => total + (round[measure] ?? 0), 0);
    const last = rounds
      .map((round) => (measure === 'refused' ? round.lastRefusal : round.lastConnectionError))
      .filter(Boolean);
    if (sum > 0) found.push(`${title}: ${sum} ${what}${last.length > 0 ? `, such as: ${last[0]}` : ''}`);
  }
  return found;
}
