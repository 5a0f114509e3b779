import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BareChromium } from './support/bare-chromium.js';
import { browsers } from './support/browser.js';
import { clusterEnvironment } from './support/environment.js';
import { Lan, lanImpediment } from './support/lan.js';
import { NodeProcess } from './support/node-process.js';

// browsers take their time on a busy machine
jest.setTimeout(60_000);

const [chromium] = browsers;
const impediment = lanImpediment();
if (impediment !== null) process.stderr.write(`Skipping the client's networks: ${impediment}\n`);

/** Runs in the page of a node: the playground brings the client. */
const CLIENT = `
  window.seen = [];
  window.pings = 0;
  window.start = async (url) => {
    const { connect } = await import('/playground/lanfare-client.js');
    window.lan = connect({ url, debug: (line) => pings += line.includes('"ping"') });
    lan.on('state', ({ name, reason }) => seen.push([name, reason].join(' ').trim()));
    for (const event of ['online', 'offline']) addEventListener(event, () => seen.push(event));
    await lan.opened;
    window.room = lan.room('chat:42');
    await room.joined;
    seen.length = pings = 0;
  };
  /** Waits until this was seen. */
  window.until = async (text) => {
    while (!seen.includes(text)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  window.become = (visibility) => {
    Object.defineProperty(document, 'visibilityState', { value: visibility, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  };
`;

async function open(page: string, urls: string[], command: readonly string[] = []): Promise<BareChromium> {
  const browser = await BareChromium.open(page, command);
  await browser.evaluate(`${CLIENT}; start(${JSON.stringify(urls)})`);
  return browser;
}

const env = () => clusterEnvironment({ HOST: '0.0.0.0', ROOM_ACCESS: 'open' });

describe('lanfare-client in a page that is frozen', () => {
  chromium?.test('is back in its room when it is thawed: Chromium has closed its socket', async () => {
    const node = await NodeProcess.start({ ...env(), CLUSTER_BUS: 'none' });
    const browser = await open(`http://127.0.0.1:${node.port}/`, [node.url('user_id=ann')]);
    await browser.evaluate(`
      for (const event of ['freeze', 'resume']) document.addEventListener(event, () => seen.push(event));
      window.again = new Promise((resolve) => room.on('joined', resolve));
      'not the promise: it would be waited for';
    `);
    await browser.call('Page.setWebLifecycleState', { state: 'frozen' });
    await browser.call('Page.setWebLifecycleState', { state: 'active' });
    expect(await browser.evaluate('again')).toMatchObject({ again: true });
    expect(await browser.evaluate('seen')).toEqual(['freeze', 'resume', 'waiting', 'connecting', 'open']);
    expect(await browser.evaluate(`lan.send('ann', 'here')`)).toEqual({ delivered: 1, complete: true });
    await browser.stop();
    await node.stop();
  });
});

(impediment === null ? describe : describe.skip)('lanfare-client in a page on a LAN', () => {
  let lan: Lan;
  let browser: BareChromium;
  const test = chromium?.test ?? it.skip;

  beforeAll(async () => {
    lan = new Lan(3);
    const shared = env();
    const [home, ...others] = lan.hosts;
    const nodes = await Promise.all(others.map(async (host) => host.start(shared)));
    await Promise.all(nodes.map(async (node) => node.waitForOutput(/ joined: /)));
    const doors = others.map((host, index) => `${host.address}:${nodes[index]?.port}`);
    const urls = doors.map((door) => `ws://${door}/chat?user_id=ann`);
    browser = await open(`http://${doors[0]}/`, urls, home?.command);
  });

  afterAll(async () => {
    await browser.stop();
    lan.destroy();
  });

  test('waits offline for the network, and is back as soon as it is', async () => {
    lan.host(0).run('ip', 'link', 'set', 'eth0', 'down');
    await browser.evaluate(`until('offline')`);
    lan.host(0).run('ip', 'link', 'set', 'eth0', 'up');
    await browser.evaluate(`until('online')`);
    // by the ping that follows it is known to be alive, or else replaced
    await browser.evaluate(`lan.state.name === 'open' || until('open')`);
    expect(await browser.evaluate(`lan.send('ann', 'back')`)).toMatchObject({ complete: true });
    expect(await browser.evaluate(`[seen.slice(0, 2), pings]`)).toEqual([['offline', 'online'], 1]);
  });

  test('leaves a link that is half open, and is in its room again', async () => {
    const before = await browser.evaluate('seen.length = 0, lan.session.node_id');
    const home = lan.host(1);
    for (const chain of ['INPUT', 'OUTPUT']) home.run('iptables', '-I', chain, '-p', 'tcp', '-j', 'DROP');
    await browser.evaluate(`
      window.again = new Promise((resolve) => room.on('joined', resolve));
      become('hidden');
      become('visible');
    `);
    await browser.evaluate(`until('waiting no answer to a ping')`);
    expect(await browser.evaluate('again')).toMatchObject({ again: true });
    expect(await browser.evaluate('lan.session.node_id')).not.toBe(before);
    // the node that was left does not know it yet, and counts its own end of the link too
    const heard = `new Promise((resolve) => room.on('message', resolve)), room.publish('here')`;
    expect(await browser.evaluate(`Promise.all([${heard}])`)).toMatchObject([{ data: 'here' }, {}]);
    home.run('iptables', '-F');
  });

  test('stays on a link that is slow, and refuses what is more than it can hold', async () => {
    await browser.evaluate('seen.length = pings = 0');
    // 250 kB a second: what the client may hold takes four
    const shape = 'tc qdisc add dev eth0 root tbf rate 2mbit burst 16kb latency 500ms';
    lan.host(0).run(...shape.split(' '));
    const outcomes = await browser.evaluate(`(async () => {
      const sent = Array.from({ length: 200 }, () => lan.send('ann', 'x'.repeat(8000)));
      become('visible');
      const settled = await Promise.allSettled(sent);
      return [...new Set(settled.map(({ value, reason }) => (value ? 'delivered' : reason.code)))];
    })()`);
    expect(outcomes).toEqual(['delivered', 'buffer_full']);
    expect(await browser.evaluate('pings')).toBeGreaterThanOrEqual(1);
    expect(await browser.evaluate('seen')).toEqual([]);
  });
});
