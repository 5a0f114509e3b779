/**
 * Metrics of one process in Prometheus' text format, and the value for their label `worker`; null: they have the label.
 */
export interface LabelledMetrics {
  readonly worker: string | null;
  readonly text: string;
}

interface Family {
  /** Its lines of HELP and TYPE, as the first process wrote them. */
  head: string;
  samples: string;
}

const NAME = /^[A-Za-z_:][\w:]*/;

/**
 * The metrics of several processes as one text. Each sample gets the label `worker` of its process. All samples of a
 * name stand together, after one HELP and one TYPE, as the format requires.
 */
export function mergeMetrics(all: readonly LabelledMetrics[]): string {
  const families = new Map<string, Family>();
  for (const { worker, text } of all) addTo(families, worker, text);
  return [...families.values()].map(({ head, samples }) => head + samples).join('\n');
}

function addTo(families: Map<string, Family>, worker: string | null, text: string): void {
  const firstHere = new Set<string>();
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      const [, what, name = ''] = line.split(' ', 3);
      if (what !== 'HELP' && what !== 'TYPE') continue;
      current = name;
      if (!families.has(name)) firstHere.add(name);
      const family = familyOf(families, name);
      if (firstHere.has(name)) family.head += `${line}\n`;
    } else {
      const name = NAME.exec(line)?.[0] ?? '';
      // a histogram's samples have its name and a suffix; a sample without a TYPE before it is a family of its own
      const family = familyOf(families, current !== '' && name.startsWith(current) ? current : name);
      family.samples += `${worker === null ? line : labelled(line, worker)}\n`;
    }
  }
}

function familyOf(families: Map<string, Family>, name: string): Family {
  let family = families.get(name);
  if (family === undefined) families.set(name, (family = { head: '', samples: '' }));
  return family;
}

/**
 * Adds the label `worker`. If a module gave a label of that name, this one is renamed as Prometheus would rename it.
 */
function labelled(line: string, worker: string): string {
  const name = NAME.exec(line)?.[0] ?? '';
  const rest = line.slice(name.length);
  const label = `worker="${worker}"`;
  if (!rest.startsWith('{')) return `${name}{${label}}${rest}`;
  const renamed = withoutWorker(rest);
  return renamed.startsWith('{}')
    ? `${name}{${label}}${renamed.slice(2)}`
    : `${name}{${label},${renamed.slice(1)}`;
}

/** `labels` with the label `worker` under the name `exported_worker`, if it is there. In their values quotes are escaped. */
function withoutWorker(labels: string): string {
  let isQuoted = false;
  for (let at = 0; at < labels.length; at++) {
    const character = labels[at];
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted && character === '\\') at++;
    else if (!isQuoted && (character === '{' || character === ',') && labels.startsWith('worker=', at + 1)) {
      return `${labels.slice(0, at + 1)}exported_${labels.slice(at + 1)}`;
    }
  }
  return labels;
}
